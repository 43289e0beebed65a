/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory a process takes, by /proc. Any thread. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Resident, in KiB; 0: not known. */
uint64_t memory_kib(pid_t pid);
