/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: key files, and sealed bytes as a database that was changed has them: none opens. */
#include <stdlib.h>

#include "smsd/vault/vault_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[VAULT_KEY_SIZE] = "nobody seals by this key";
	uint8_t parsed[VAULT_KEY_SIZE], *plain = malloc(size + 1);

	if (!plain)
		abort();
	if (source_parse(data, size, parsed) == 0 && size != 32 && (size < 64 || size > 66))
		abort();
	if (seal_open(key, "", 0, data, size, plain) == 0)
		abort();
	free(plain);
	return 0;
}
