/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: images, with length and digest put right, so that the checks behind them are reached.
 * Every section of an image that opens must lie within it.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/image.h"

enum { TOTAL_AT = 56, DIGEST_LEN = 32, FUZZ_IMAGE_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FUZZ_IMAGE_MAX + DIGEST_LEN];
	struct conf_image *image;
	const char *name;
	const void *at;
	uint64_t total = size + DIGEST_LEN;
	size_t len;

	if (size < TOTAL_AT + 8 || size > FUZZ_IMAGE_MAX)
		return 0;
	memcpy(bytes, data, size);
	memcpy(bytes + TOTAL_AT, &total, 8);
	if (EVP_Digest(bytes, size, bytes + size, NULL, EVP_sha256(), NULL) != 1)
		abort();
	if (conf_image_open(bytes, size + DIGEST_LEN, &image) != 0)
		return 0;
	for (size_t i = 0; conf_image_section_at(image, i, &name, &len) == 0; i++)
		if (conf_image_section(image, name, &at, &len) != 0 ||
		    (const uint8_t *)at < bytes || (const uint8_t *)at + len > bytes + size)
			abort();
	conf_image_close(image);
	return 0;
}
