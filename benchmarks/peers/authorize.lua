-- Lua script for Redis that makes the same decision: one script, one call per request. Redis runs it alone, so nothing overtakes
-- it; with `appendfsync always` its effects are on disk before its answer leaves.
--
-- KEYS: band (hash), account (hash), reference (string), lsn (counter).
-- ARGV: account, generation, arm epoch of the proof, denied for, amount, currency, use limit, level limit, day limit,
--       now, rd (32 bytes), the facts to keep (canon, label, evidence, ...).
-- A reference is stored as: final byte, rd (32 bytes), account NUL, "reason obligation useLeft dayLeft lsn" NUL, facts.

local account, rd = ARGV[1], ARGV[11]
local generation, armEpoch, denied = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local amount, currency = tonumber(ARGV[5]), tonumber(ARGV[6])
local useLimit, levelLimit, dayLimit, now = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])

local known = redis.call('GET', KEYS[3])
if known then
  local nul = string.find(known, '\0', 34, true)
  if string.sub(known, 2, 33) ~= rd or string.sub(known, 34, nul - 1) ~= account then return '23 0 0 0 0' end
  if string.byte(known, 1) == 1 then
    return string.sub(known, nul + 1, string.find(known, '\0', nul + 1, true) - 1)
  end
end

local b = redis.call('HMGET', KEYS[1], 'account', 'generation', 'state', 'holds', 'armEpoch', 'armedUntilMs', 'armedOwnerEpoch')
local a = redis.call('HMGET', KEYS[2], 'currency', 'ownerEpoch', 'usageDay', 'payMinor')
local today = math.floor(now / 86400000)
local usageDay, used = tonumber(a[3]) or 0, tonumber(a[4]) or 0
-- A later day starts from nothing; a clock that went back frees no limit.
if today > usageDay then usageDay, used = today, 0 end
local dayLeft = math.max(0, dayLimit - used)
local state, holds, bandArmEpoch = tonumber(b[3]), tonumber(b[4]) or 0, tonumber(b[5])

local reason, obligation = 0, 0
if b[1] ~= account or tonumber(b[2]) ~= generation then reason = 2
elseif holds >= 8 then reason = 9
elseif bit.band(holds, 2) ~= 0 then reason = 7
elseif bit.band(holds, 1) ~= 0 then reason = 6
elseif holds ~= 0 then reason = 8
elseif state == 5 then reason = 5
elseif state == 2 then reason = 3
elseif state ~= 4 or armEpoch < bandArmEpoch then reason = 4
elseif now >= tonumber(b[6]) then reason = 26
elseif b[7] ~= a[2] then reason = 24
elseif denied ~= 0 then reason = denied
elseif armEpoch ~= bandArmEpoch then reason = 11
elseif currency ~= tonumber(a[1]) then reason = 19
elseif amount > useLimit then reason = 15
elseif amount > dayLeft then reason = 16
elseif amount > levelLimit then reason = 18
end
if reason == 4 or reason == 26 then obligation = 1 end

if reason == 0 then
  dayLeft = dayLeft - amount
  redis.call('HSET', KEYS[2], 'usageDay', usageDay, 'payMinor', string.format('%.0f', used + amount))
end
local lsn = redis.call('INCR', KEYS[4])
local answer = string.format('%d %d %.0f %.0f %.0f', reason, obligation, math.min(useLimit, levelLimit, dayLeft), dayLeft, lsn)
redis.call('SET', KEYS[3], (obligation == 0 and '\1' or '\0') .. rd .. account .. '\0' .. answer .. '\0' .. ARGV[12])
return answer
