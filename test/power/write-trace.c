// Write tracer by LD_PRELOAD interposition: records every change to the files in one folder, in order, while a program runs.
//
//   TRACE_FOLDER  files whose path starts with this are recorded
//   TRACE_FILE    where the records go
//
// A record: kind u8 ('W' write, 'T' truncate, 'S' sync), name length u8, durable u8 (written through O_DSYNC or O_SYNC), zero,
// length u32, offset u64 (little-endian), then the name after TRACE_FOLDER and, for 'W', the bytes written. One lock is held
// over each operation and its record, so the order of records is the order in which things happened.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace_fd = -1;

static void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    long done = syscall(SYS_write, trace_fd, at, length);
    if (done <= 0) abort();
    at += done;
    length -= (size_t)done;
  }
}

// The name of an open file after TRACE_FOLDER, or NULL when it is not recorded. Reads the kernel's own list, so that no
// table of descriptors can go stale.
static const char *traced_name(int fd, char *path) {
  const char *folder = getenv("TRACE_FOLDER");
  const char *file = getenv("TRACE_FILE");
  if (folder == NULL || file == NULL || fd < 0 || fd == trace_fd) return NULL;
  char link[64];
  strcpy(link, "/proc/self/fd/");
  char digits[16];
  int count = 0;
  for (int rest = fd; count == 0 || rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  size_t end = strlen(link);
  while (count > 0) link[end++] = digits[--count];
  link[end] = 0;
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (length <= 0) return NULL;
  path[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(path, folder, prefix) != 0) return NULL;
  if (trace_fd < 0) {
    trace_fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace_fd < 0) abort();
  }
  return path + prefix;
}

static void record(char kind, const char *name, int fd, uint64_t offset, const void *bytes, uint32_t length) {
  int flags = fcntl(fd, F_GETFL);
  uint8_t head[4] = {(uint8_t)kind, (uint8_t)strlen(name), (flags & O_DSYNC) != 0, 0};
  put(head, sizeof head);
  put(&length, sizeof length);
  put(&offset, sizeof offset);
  put(name, strlen(name));
  if (kind == 'W') put(bytes, length);
}

static ssize_t traced_pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  char path[PATH_MAX];
  pthread_mutex_lock(&lock);
  ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, offset);
  const char *name = done > 0 ? traced_name(fd, path) : NULL;
  if (name != NULL) record('W', name, fd, (uint64_t)offset, bytes, (uint32_t)done);
  pthread_mutex_unlock(&lock);
  return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return traced_pwrite(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return traced_pwrite(fd, bytes, length, offset); }

// Where the write went is where the file position was: behind it now.
ssize_t write(int fd, const void *bytes, size_t length) {
  char path[PATH_MAX];
  pthread_mutex_lock(&lock);
  ssize_t done = syscall(SYS_write, fd, bytes, length);
  const char *name = done > 0 ? traced_name(fd, path) : NULL;
  if (name != NULL) record('W', name, fd, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), bytes, (uint32_t)done);
  pthread_mutex_unlock(&lock);
  return done;
}

// Kept whole: `done` bytes of the pieces, one record each.
static void record_pieces(int fd, const struct iovec *pieces, int count, ssize_t done, uint64_t offset) {
  char path[PATH_MAX];
  const char *name = done > 0 ? traced_name(fd, path) : NULL;
  for (int i = 0; name != NULL && i < count && done > 0; i++) {
    size_t length = pieces[i].iov_len < (size_t)done ? pieces[i].iov_len : (size_t)done;
    if (length > 0) record('W', name, fd, offset, pieces[i].iov_base, (uint32_t)length);
    offset += length;
    done -= (ssize_t)length;
  }
}

static ssize_t traced_pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
  pthread_mutex_lock(&lock);
  ssize_t done = syscall(SYS_pwritev, fd, pieces, count, offset, 0);
  record_pieces(fd, pieces, count, done, (uint64_t)offset);
  pthread_mutex_unlock(&lock);
  return done;
}
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) { return traced_pwritev(fd, pieces, count, offset); }
ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
  return traced_pwritev(fd, pieces, count, offset);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  pthread_mutex_lock(&lock);
  ssize_t done = syscall(SYS_writev, fd, pieces, count);
  if (done > 0) record_pieces(fd, pieces, count, done, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done));
  pthread_mutex_unlock(&lock);
  return done;
}

static int traced_ftruncate(int fd, off_t length) {
  char path[PATH_MAX];
  pthread_mutex_lock(&lock);
  int failed = (int)syscall(SYS_ftruncate, fd, length);
  const char *name = failed == 0 ? traced_name(fd, path) : NULL;
  if (name != NULL) record('T', name, fd, (uint64_t)length, NULL, 0);
  pthread_mutex_unlock(&lock);
  return failed;
}
int ftruncate(int fd, off_t length) { return traced_ftruncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return traced_ftruncate(fd, length); }

static int traced_sync(long call, int fd) {
  char path[PATH_MAX];
  pthread_mutex_lock(&lock);
  int failed = (int)syscall(call, fd);
  const char *name = failed == 0 ? traced_name(fd, path) : NULL;
  if (name != NULL) record('S', name, fd, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return failed;
}
int fsync(int fd) { return traced_sync(SYS_fsync, fd); }
int fdatasync(int fd) { return traced_sync(SYS_fdatasync, fd); }

// LMDB syncs a map only when it writes through it, which the store does not ask for: seeing one here means that the images
// made from this trace would be wrong.
int msync(void *at, size_t length, int flags) {
  static const char said[] = "write-trace: msync was called: changes through a map are not recorded\n";
  (void)at, (void)length, (void)flags;
  (void)!syscall(SYS_write, 2, said, sizeof said - 1);
  abort();
}
