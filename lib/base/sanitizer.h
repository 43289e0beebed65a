/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this is a build with a sanitizer, which is never shipped. A sanitizer reads /proc, and
 * forks a tracer or traces from another thread when it reports: what a sandbox forbids.
 */
#pragma once

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SL_UNDER_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SL_UNDER_SANITIZER true
#endif
#endif
#ifndef SL_UNDER_SANITIZER
#define SL_UNDER_SANITIZER false
#endif
