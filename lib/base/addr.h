/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network addresses: always 16 bytes with a family. IPv4 stands as ::ffff:a.b.c.d, so one compare
 * and one longest-prefix match serve both. Network byte order. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t bytes[16]; /* network order; IPv4 mapped */
	uint8_t family;    /* enum addr_family */
};

struct addr_prefix {
	struct addr addr;   /* host bits are zero */
	uint8_t prefix_len; /* of the 16-byte form: an IPv4 /24 has 120 */
};

enum { ADDR_TEXT_MAX = 48, ADDR_PREFIX_TEXT_MAX = 52 };

/* `be32` in network byte order. */
struct addr addr_from_v4(uint32_t be32);

/* Network byte order; 0 when the address is not IPv4. */
uint32_t addr_to_v4(const struct addr *a) SL_NONNULL(1);

bool addr_equal(const struct addr *a, const struct addr *b) SL_NONNULL(1, 2);

/* SL_EMALFORMED for what inet_pton does not take. */
int addr_parse(const char *text, struct addr *ret_addr) SL_NONNULL(1, 2) SL_MUST;

/* "10.0.0.0/8", "10.0.0.1" (a /32). SL_EINVAL when host bits are set, SL_ERANGE for the length. */
int addr_parse_prefix(const char *text, struct addr_prefix *ret_prefix) SL_NONNULL(1, 2) SL_MUST;

bool addr_prefix_contains(const struct addr_prefix *p, const struct addr *a) SL_NONNULL(1, 2);

/* Return `text`. */
char *addr_format(const struct addr *a, char text[ADDR_TEXT_MAX]) SL_NONNULL(1, 2);
char *addr_format_prefix(const struct addr_prefix *p, char text[ADDR_PREFIX_TEXT_MAX])
        SL_NONNULL(1, 2);
