/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: what a source of packages says, and what is in them. The first byte chooses index.json
 * or a kind. What is taken of an index names files that stay where they are, and is taken again
 * when it is written out.
 */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/publish/content.h"
#include "lib/publish/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_index(const uint8_t *data, size_t size)
{
	struct publish_index index, again;
	struct pki_error err;
	struct buf text;

	if (publish_index_parse(data, size, &index, &err) != 0)
		return;
	buf_init(&text, 8u * PUBLISH_INDEX_MAX);
	for (size_t i = 0; i < index.count; i++) {
		if (!publish_is_file(index.items[i].file))
			abort();
		if (index.items[i].kind == PACKAGE_KIND_END)
			index.items[i].kind = PACKAGE_CA;
	}
	if (publish_index_text(&index, &text) != 0)
		abort();
	if (text.len <= PUBLISH_INDEX_MAX) {
		if (publish_index_parse(text.data, text.len, &again, &err) != 0 ||
		    again.count != index.count)
			abort();
		publish_index_fini(&again);
	}
	buf_fini(&text);
	publish_index_fini(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *summary = NULL, *diff = NULL;
	struct pki_error err;
	enum package_kind kind;

	if (size == 0)
		return 0;
	kind = (enum package_kind)(data[0] % (PACKAGE_KIND_END + 1));
	if (kind == PACKAGE_KIND_END) {
		read_index(data + 1, size - 1);
	} else if (publish_content_check(kind, data + 1, size - 1, &summary, &err) == 0) {
		/* What was taken can be compared. */
		if (publish_content_diff(kind, NULL, 0, data + 1, size - 1, &diff) != 0)
			abort();
		json_decref(diff);
		json_decref(summary);
	}
	return 0;
}
