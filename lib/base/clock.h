/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. The monotonic clock is the one that eBPF's bpf_ktime_get_ns() reads, so stamps of both
 * sides compare; the wall clock is for logs and certificates only. Any thread.
 */
#pragma once

#include <stdint.h>
#include <stddef.h>

#define CLOCK_NS_PER_MS 1000000ULL
#define CLOCK_NS_PER_S  1000000000ULL

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);

/* Microseconds since the epoch, UTC. */
uint64_t clock_wall_us(void);

/* Seconds since the epoch, UTC: what certificates are dated in. */
int64_t clock_wall_s(void);

enum { CLOCK_TEXT_MAX = 40 };

/*
 * Wall time as EVE writes it: 2026-01-31T12:00:00.123456+0000. `text` has CLOCK_TEXT_MAX bytes;
 * returns `text`.
 */
char *clock_format_us(uint64_t wall_us, char text[CLOCK_TEXT_MAX]);
