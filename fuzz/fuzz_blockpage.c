/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the block page: any bytes as the filter's text and as the contact. Held: one whole
 * answer that fits, with the tags of our own alone.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tpsd/session/blockpage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_tags(const struct blockpage *page)
{
	char out[BLOCKPAGE_MAX];
	size_t len = blockpage_write(page, out), n = 0;

	if (len >= BLOCKPAGE_MAX || memcmp(out + len - 8, "</html>\n", 8) != 0)
		abort();
	for (size_t i = 0; i < len; i++)
		n += out[i] == '<' || out[i] == '>' || out[i] == '"' || out[i] == '\r';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blockpage page = {.filter = "x", .contact = "x", .device = "x"};
	size_t tags = count_tags(&page);
	char text[1024] = "";

	if (size >= sizeof(text))
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	page.filter = text;
	page.contact = text[0] ? text + 1 : text;
	if (count_tags(&page) != tags)
		abort();
	return 0;
}
