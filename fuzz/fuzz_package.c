/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: packages. The signature is not asked for, and digests of sections are put right, so
 * that the checks behind them and the unpacking are reached.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/package/package.h"

enum { FUZZ_PACKAGE_MAX = 65536, HEAD_LEN = 20, ENTRY_LEN = 80, SIGNATURE_LEN = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One section's digest. */
static void put_right(uint8_t *bytes, size_t size)
{
	uint32_t metadata, count;
	size_t at;

	memcpy(&metadata, bytes + 12, 4);
	memcpy(&count, bytes + 16, 4);
	at = HEAD_LEN + (size_t)metadata;
	if (count != 1 || at + ENTRY_LEN + SIGNATURE_LEN > size)
		return;
	if (EVP_Digest(bytes + at + ENTRY_LEN + SIGNATURE_LEN,
	               size - at - ENTRY_LEN - SIGNATURE_LEN, bytes + at + 48, NULL, EVP_sha256(),
	               NULL) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FUZZ_PACKAGE_MAX];
	struct pki_error err;
	struct package *p;
	const char *name;
	struct buf out;
	uint64_t len;

	if (size < HEAD_LEN || size > sizeof(bytes))
		return 0;
	memcpy(bytes, data, size);
	put_right(bytes, size);
	if (package_open(bytes, size, PACKAGE_KIND_END, NULL, &p, &err) != 0)
		return 0;
	buf_init(&out, 1u << 20);
	for (size_t i = 0; package_section_at(p, i, &name, &len) == 0; i++)
		if (package_read(p, name, &out) == 0 && out.len > 1u << 20)
			abort();
	buf_fini(&out);
	package_close(p);
	return 0;
}
