/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of a worker and of keys once they run: memory, time, epoll, reading and writing
 * of descriptors they hold, messages. No socket, no exec, no fork. A call outside the list kills
 * the process, and the kernel's audit line names it; opening a file is only answered with "no
 * permission", because libraries look for optional files late (a locale, a configuration).
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/sanitizer.h"
#include "tpsd/proc/sandbox.h"

static const int allowed[] = {
        /* memory */
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(mlock),
        SCMP_SYS(munlock),
        /* descriptors that it holds */
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(close),
        SCMP_SYS(fcntl),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(lseek),
        SCMP_SYS(dup),
        SCMP_SYS(pread64),
        SCMP_SYS(splice),
        SCMP_SYS(pipe2),
        SCMP_SYS(ioctl),
        SCMP_SYS(recvmsg),
        SCMP_SYS(recvfrom),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(shutdown),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
        SCMP_SYS(getsockname),
        SCMP_SYS(getpeername),
        /* waiting */
        SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(epoll_create1),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(nanosleep),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(sched_yield),
        SCMP_SYS(futex),
        /* time and itself */
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getpid),
        SCMP_SYS(getppid),
        SCMP_SYS(gettid),
        SCMP_SYS(getrandom),
        SCMP_SYS(getrusage),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(tgkill),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(prctl),
        SCMP_SYS(memfd_create),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(uname),
        SCMP_SYS(sysinfo),
};

/* keys writes two files, which parent opened: the untrusted CA and the sealing key. */
static const int allowed_keys[] = {SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(pwrite64)};

static const int refused[] = {
        SCMP_SYS(open),      SCMP_SYS(openat),   SCMP_SYS(access),
        SCMP_SYS(faccessat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
        SCMP_SYS(stat),      SCMP_SYS(lstat),    SCMP_SYS(statx),
};

/* A sanitizer's build makes the list and does not load it. */
static int load(scmp_filter_ctx ctx, const struct proc_kind *kind)
{
	if (!SL_UNDER_SANITIZER)
		return seccomp_load(ctx);
	log_debug("%s runs without its system call list under a sanitizer", kind->name);
	return 0;
}

int sandbox_seccomp(const struct proc_kind *kind)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = 0;

	if (!ctx)
		return SL_ENOMEM;
	for (size_t i = 0; rc == 0 && i < SL_ARRAY_LEN(allowed); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; rc == 0 && kind->role == IPC_KEYS && i < SL_ARRAY_LEN(allowed_keys); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed_keys[i], 0);
	for (size_t i = 0; rc == 0 && i < SL_ARRAY_LEN(refused); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	if (rc == 0)
		rc = load(ctx, kind);
	seccomp_release(ctx);
	if (rc != 0) {
		log_critical("cannot limit the system calls of %s: %s", kind->name, strerror(-rc));
		return SL_ESYS;
	}
	return 0;
}
