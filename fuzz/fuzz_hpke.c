/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: a sealed message from outside. No input opens for a key that it was not made for, and
 * what does not open leaves nothing. The first byte is the length of what it is about. */
#include <stdlib.h>
#include <string.h>

#include "lib/pki/hpke.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[4096];
	static EVP_PKEY *key;
	uint8_t plain[sizeof(zeros)];
	size_t aad_len, len;

	if (!key && hpke_key_make(&key) != 0)
		abort();
	if (size < 1 + HPKE_ENCAPSULATED || size > sizeof(plain))
		return 0;
	aad_len = data[0];
	if (aad_len > size - 1 - HPKE_ENCAPSULATED)
		aad_len = size - 1 - HPKE_ENCAPSULATED;
	len = size - 1 - HPKE_ENCAPSULATED - aad_len;
	memset(plain, 1, sizeof(plain));
	if (hpke_open(key, HPKE_INFO_DEVICE_KEY, data + size - aad_len, aad_len, data + 1,
	              data + 1 + HPKE_ENCAPSULATED, len, plain) == 0)
		abort();
	if (len > HPKE_TAG && memcmp(plain, zeros, len - HPKE_TAG) != 0)
		abort();
	return 0;
}
