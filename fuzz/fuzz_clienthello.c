/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the ClientHello parser and the fingerprints. Views must lie inside the input or the
 * scratch. */
#include <stdlib.h>

#include "lib/wire/clienthello.h"
#include "tpsd/tls/fingerprint.h"

static uint8_t scratch[CLIENTHELLO_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum_of(const struct clienthello_view *v)
{
	unsigned sum = 0;

	for (size_t i = 0; i < v->len; i++)
		sum += v->data[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fingerprint f;
	struct clienthello h;
	volatile unsigned sum = 0;

	if (clienthello_parse(data, size, scratch, &h) != 0)
		return 0;
	if (h.stream_len > size || h.message_len > CLIENTHELLO_MAX)
		abort();
	sum = sum_of(&h.sni) + sum_of(&h.alpn) + sum_of(&h.suites) + sum_of(&h.groups) +
	      sum_of(&h.sigalgs) + sum_of(&h.extensions) + sum_of(&h.session_id) +
	      sum_of(&h.random);
	(void)sum;
	fingerprint_of(&h, &f);
	return 0;
}
