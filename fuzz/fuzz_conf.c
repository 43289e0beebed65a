/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: documents. The first byte says YAML or JSON. What loads and builds must have a
 * canonical text that loads and builds too, and says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/conf/canon.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *build(const void *text, size_t len, bool json, struct buf *canonical)
{
	int (*load)(const char *, const void *, size_t, struct conf_errors *,
	            struct conf_document **) = json ? conf_load_json : conf_load_yaml;
	struct conf_document *doc = NULL;
	struct config *config = NULL;
	struct conf_errors errs;

	conf_errors_init(&errs);
	if (load("f", text, len, &errs, &doc) == 0 &&
	    config_build(conf_document_root(doc), &errs, &config) == 0 && canonical &&
	    conf_canonical(conf_document_root(doc), CONF_CANON_DEFAULTS, canonical) != 0)
		abort();
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config, *again;
	struct buf text;

	if (size == 0)
		return 0;
	buf_init(&text, 64UL * 1024 * 1024);
	config = build(data + 1, size - 1, data[0] & 1, &text);
	if (config) {
		again = build(text.data, text.len, true, NULL);
		if (!again || again->server_proxies_count != config->server_proxies_count)
			abort();
		config_put(again);
	}
	config_put(config);
	buf_fini(&text);
	return 0;
}
