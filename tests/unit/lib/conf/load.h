/* SPDX-License-Identifier: Apache-2.0 */
/* Documents from text for the tests of lib/conf. */
#pragma once

#include <string.h>

#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"

/* A document that is as short as one can be and has everything: for tests to add to. */
#define SEGMENT     "segments: [{name: wan, port_a: eth1, port_b: eth2}]\n"
#define CERTIFICATE "certificates: [{name: shop, certificate: /c.pem, private_key: /c.key}]\n"
#define PROXY                                                                                      \
	"ssl_server_proxies: [{name: p, destinations: [10.0.0.1], detection_ports: [443], "        \
	"certificates: [shop]}]\n"
#define PROFILE                                                                                    \
	"profiles: [{name: default, ssl_server_policies: [{name: q, proxy: p}]}]\n"                \
	"virtual_segments: [{name: v, segment: wan, profile: default}]\n"
#define WHOLE "version: 1\n" SEGMENT CERTIFICATE PROXY PROFILE

struct loaded {
	struct conf_errors errs;
	struct conf_document *doc;
	struct config *config;
	int rc;
};

/* What was loaded as `rc` says is built. */
static inline void load_build(struct loaded *l, int rc)
{
	l->rc = rc ? rc : config_build(conf_document_root(l->doc), &l->errs, &l->config);
}

static inline struct loaded load_yaml(const char *text)
{
	struct loaded l = {0};

	conf_errors_init(&l.errs);
	load_build(&l, conf_load_yaml("t.yaml", text, strlen(text), &l.errs, &l.doc));
	return l;
}

static inline void unload(struct loaded *l)
{
	config_put(l->config);
	conf_document_destroy(l->doc);
	conf_errors_fini(&l->errs);
	*l = (struct loaded){0};
}

/* The error or notice at this pointer whose text has `part` in it, or NULL. */
static inline const struct conf_error *error_at(const struct loaded *l, const char *pointer,
                                                const char *part)
{
	for (size_t i = 0; i < l->errs.count; i++)
		if (strcmp(l->errs.items[i].pointer, pointer) == 0 &&
		    strstr(l->errs.items[i].text, part))
			return &l->errs.items[i];
	return NULL;
}
