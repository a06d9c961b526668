/* Write faults on purpose; see fault.rs. Loaded by LD_PRELOAD into the service under test.
 * While the file $FAULT_SWITCH exists, writes and syncs of files whose path begins with $FAULT_BELOW fail with the errno in it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The errno to fail with, or 0. Uses system calls directly: the wrapped functions must not be entered again. */
static int fault(int fd) {
  const char *flag = getenv("FAULT_SWITCH"), *below = getenv("FAULT_BELOW");
  if (!flag || !below) return 0;
  int opened = (int)syscall(SYS_openat, AT_FDCWD, flag, O_RDONLY | O_CLOEXEC);
  if (opened < 0) return 0;
  char number[8] = {0};
  long got = syscall(SYS_read, opened, number, sizeof number - 1);
  syscall(SYS_close, opened);
  if (got <= 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, below, strlen(below)) == 0 ? atoi(number) : 0;
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
  { int saved = errno, code = fault(fd); if (code) { errno = code; return -1; } errno = saved; }

ssize_t write(int fd, const void *data, size_t length) { NEXT(write) return next(fd, data, length); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { NEXT(pwrite) return next(fd, data, length, at); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { NEXT(pwrite64) return next(fd, data, length, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) { NEXT(writev) return next(fd, parts, count); }
int fsync(int fd) { NEXT(fsync) return next(fd); }
int fdatasync(int fd) { NEXT(fdatasync) return next(fd); }
int ftruncate64(int fd, off64_t length) { NEXT(ftruncate64) return next(fd, length); }
int fallocate64(int fd, int mode, off64_t at, off64_t length) { NEXT(fallocate64) return next(fd, mode, at, length); }
