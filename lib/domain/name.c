/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>

#include "lib/domain/name_priv.h"

/* Letters in lower case, digits, "-" and "_" (which is in use, whatever RFC 952 says); else 0. */
static char normal_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return 0;
}

bool domain_name_parse(struct domain_name *n, const char *text, size_t len)
{
	size_t start = 0;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > DOMAIN_NAME_MAX)
		return false;
	n->labels = 0;
	n->len = (uint8_t)len;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			if (i == start || i - start > DOMAIN_LABEL_MAX)
				return false;
			n->starts[n->labels++] = (uint8_t)start;
			start = i + 1;
			n->text[i] = '.';
			continue;
		}
		n->text[i] = normal_char(text[i]);
		if (n->text[i] == 0)
			return false;
	}
	memset(n->text + len, 0, DOMAIN_WORD);
	return true;
}

bool domain_pattern_parse(struct domain_name *n, enum domain_cover *ret_kind, const char *text,
                          size_t len)
{
	bool below = len >= DOMAIN_WILDCARD_LEN && text[0] == '*' && text[1] == '.';
	size_t skip = below ? DOMAIN_WILDCARD_LEN : 0;

	if (!domain_name_parse(n, text + skip, len - skip) || n->len + skip > DOMAIN_NAME_MAX)
		return false;
	*ret_kind = below ? DOMAIN_BELOW : DOMAIN_EXACT;
	return true;
}

bool domain_is_pattern(const char *text, size_t len)
{
	struct domain_name n;
	enum domain_cover kind;

	return domain_pattern_parse(&n, &kind, text, len);
}

/* The two halves of the product of two words: every bit of both is in every bit of it. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd words of random bits. */
#define MIX_A 0x9d5c8f3ea61b47d1u
#define MIX_B 0xc2e9174bd3805a6fu

static uint64_t mix(uint64_t state, uint64_t word)
{
	return fold(state ^ word ^ MIX_A, MIX_B ^ (state << 32 | state >> 32));
}

/* The last word holds fewer than 8 bytes and, on top, the label's length: labels do not run into
 * each other. */
static uint64_t mix_label(uint64_t state, const char *label, size_t len)
{
	size_t left = len;
	uint64_t word;

	for (; left >= DOMAIN_WORD; left -= DOMAIN_WORD, label += DOMAIN_WORD) {
		memcpy(&word, label, DOMAIN_WORD);
		state = mix(state, le64toh(word));
	}
	memcpy(&word, label, DOMAIN_WORD);
	word = le64toh(word) & ((1ull << (8 * left)) - 1);
	return mix(state, word | (uint64_t)len << 56);
}

void domain_name_states(const struct domain_name *n, uint64_t seed, uint64_t *ret_states)
{
	uint64_t state = fold(seed ^ MIX_B, MIX_A);
	size_t end = n->len;

	for (size_t i = n->labels; i-- > 0;) {
		state = mix_label(state, n->text + n->starts[i], end - n->starts[i]);
		ret_states[i] = state;
		end = n->starts[i] - 1u;
	}
}

uint64_t domain_hash(uint64_t state, enum domain_cover kind)
{
	return fold(state ^ (MIX_B + kind), MIX_A);
}
