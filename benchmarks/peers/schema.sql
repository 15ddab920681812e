-- Schema and stored function for PostgreSQL that make the same decision: one function, one call, one transaction per request,
-- prepared once a connection.
--
-- Order matters in `authorize`: the account's row is locked first, and a transaction that freezes a band takes that same lock, so
-- what is read after it (READ COMMITTED gives every statement its own snapshot) cannot be overtaken before the commit. One joined
-- SELECT would save 10 µs and could read a band as it was before a freeze that was acknowledged meanwhile.

create table accounts (
  account text primary key,
  currency smallint not null,
  owner_epoch integer not null default 0,
  usage_day integer not null default 0,
  pay_minor bigint not null default 0
) with (fillfactor = 50); -- room for the new version of a row beside the old one: updates touch no index (HOT)

create table bands (
  band_id bytea primary key,
  account text not null,
  generation integer not null,
  state smallint not null,
  holds smallint not null,
  conformance integer not null,
  arm_epoch integer not null,
  arm_secret bytea not null,
  armed_until_ms bigint not null,
  armed_owner_epoch integer not null,
  verified_at_ms bigint not null
);

create sequence lsn;

-- What was decided and every fact it was decided from. The primary key is the idempotency reference.
create table decisions (
  partner bytea not null,
  rid bytea not null,
  lsn bigint not null,
  at_ms bigint not null,
  use_left bigint not null,
  day_left bigint not null,
  generation integer not null,
  arm_epoch integer not null,
  reason smallint not null,
  obligation smallint not null,
  level smallint not null,
  verdict smallint not null,
  final boolean not null,
  account text not null,
  band_id bytea not null,
  rd bytea not null,
  canon bytea not null,
  label bytea not null,
  evidence bytea not null,
  primary key (partner, rid)
);

-- p_denied: what the server found by itself (a proof that is none, an offer that expired), or 0. It counts after the band's
-- own state: that a band is frozen helps its wearer more. Reasons, obligations and states are Bandpass's numbers.
create function authorize(
  p_partner bytea, p_rid bytea, p_rd bytea, p_account text, p_band bytea, p_generation integer, p_arm_epoch integer,
  p_denied smallint, p_level smallint, p_verdict smallint, p_amount bigint, p_currency smallint, p_use_limit bigint,
  p_level_limit bigint, p_day_limit bigint, p_now bigint, p_canon bytea, p_label bytea, p_evidence bytea,
  out reason smallint, out obligation smallint, out use_left bigint, out day_left bigint, out lsn bigint
) language plpgsql as $$
declare
  a record;
  b record;
  d record;
  today integer := p_now / 86400000;
  used bigint;
begin
  reason := 0; obligation := 0; use_left := 0; day_left := 0; lsn := 0;
  select currency, owner_epoch, usage_day, pay_minor into a from accounts where account = p_account for no key update;
  if not found then reason := 2; return; end if;

  select account, rd, final, decisions.reason, decisions.use_left, decisions.day_left, decisions.lsn into d
    from decisions where partner = p_partner and rid = p_rid;
  if found then
    if d.account <> p_account or d.rd <> p_rd then reason := 23; return; end if;
    if d.final then
      reason := d.reason; use_left := d.use_left; day_left := d.day_left; lsn := d.lsn;
      return;
    end if;
  end if;

  select account, generation, state, holds, arm_epoch, armed_until_ms, armed_owner_epoch into b
    from bands where band_id = p_band;
  -- A later day starts from nothing; a clock that went back frees no limit.
  used := case when today > a.usage_day then 0 else a.pay_minor end;
  day_left := greatest(0, p_day_limit - used);
  reason := case
    when b.account is distinct from p_account or b.generation <> p_generation then 2
    when b.holds & 8 <> 0 then 9
    when b.holds & 2 <> 0 then 7
    when b.holds & 1 <> 0 then 6
    when b.holds <> 0 then 8
    when b.state = 5 then 5
    when b.state = 2 then 3
    when b.state <> 4 or p_arm_epoch < b.arm_epoch then 4
    when p_now >= b.armed_until_ms then 26
    when b.armed_owner_epoch <> a.owner_epoch then 24
    when p_denied <> 0 then p_denied
    when p_arm_epoch <> b.arm_epoch then 11
    when p_currency <> a.currency then 19
    when p_amount > p_use_limit then 15
    when p_amount > day_left then 16
    when p_amount > p_level_limit then 18
    else 0
  end;
  if reason = 4 or reason = 26 then obligation := 1; end if;
  if reason = 0 then day_left := day_left - p_amount; end if;
  use_left := least(p_use_limit, p_level_limit, day_left);
  lsn := nextval('lsn');

  insert into decisions values (
    p_partner, p_rid, lsn, p_now, use_left, day_left, p_generation, p_arm_epoch, reason, obligation, p_level, p_verdict,
    obligation = 0, p_account, p_band, p_rd, p_canon, p_label, p_evidence
  ) on conflict (partner, rid) do update set
    lsn = excluded.lsn, at_ms = excluded.at_ms, use_left = excluded.use_left, day_left = excluded.day_left,
    arm_epoch = excluded.arm_epoch, reason = excluded.reason, obligation = excluded.obligation, level = excluded.level,
    verdict = excluded.verdict, final = excluded.final, evidence = excluded.evidence
  where not decisions.final and decisions.account = excluded.account and decisions.rd = excluded.rd;
  if not found then
    -- Another account took the reference a moment ago.
    reason := 23; obligation := 0; use_left := 0; day_left := 0; lsn := 0;
    return;
  end if;
  if reason = 0 then
    update accounts set usage_day = greatest(today, a.usage_day), pay_minor = used + p_amount where account = p_account;
  end if;
end
$$;
