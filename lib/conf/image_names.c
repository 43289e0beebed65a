/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of names, read into sections of an image: for each decryption policy the domains that are
 * not decrypted (R109) and those that are whatever their category (R108), each from the document
 * and from a file (R110).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"
#include "lib/domain/map.h"

enum { LINES_LISTED_MAX = 200, LINE_SHOWN_MAX = 64 };

/* Of which file lines are being left out. */
struct line_report {
	struct conf_errors *errs;
	const char *path;
	unsigned listed;
};

static void on_bad_line(void *arg, unsigned line, const char *text, size_t len)
{
	struct line_report *report = arg;
	const struct conf_node place = {
	        .kind = CONF_NULL, .file = report->path, .line = line, .column = 1};
	char shown[LINE_SHOWN_MAX + 1];
	size_t at = 0;

	if (report->listed++ >= LINES_LISTED_MAX)
		return;
	for (; at < len && at < LINE_SHOWN_MAX; at++)
		shown[at] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
	shown[at] = '\0';
	conf_errors_notice(report->errs, &place,
	                   "write a domain, or *. in front of one; IDN as xn--",
	                   "\"%s\" is not a domain and is left out", shown);
}

static int add_file(struct gather *g, struct domain_builder *b, const char *path)
{
	struct line_report report = {.errs = g->errs, .path = path};
	struct buf text;
	int rc;

	buf_init(&text, CONF_NAMES_FILE_MAX);
	rc = gather_read(path, &text);
	if (rc == SL_ESYS)
		(void)conf_errors_add(g->errs, g->node, SL_ENOENT,
		                      "check the path and who may read it",
		                      "%s: the list cannot be read: %s", path, strerror(errno));
	else if (rc == 0)
		rc = domain_builder_add_text(b, buf_text(&text), text.len, 0, on_bad_line, &report);
	buf_fini(&text);
	if (report.listed > LINES_LISTED_MAX)
		conf_errors_notice(g->errs, g->node, "", "%s: %u more lines are left out", path,
		                   report.listed - LINES_LISTED_MAX);
	if (rc < 0 && rc != SL_ESYS)
		(void)conf_errors_add(g->errs, g->node, rc, "shorten the list",
		                      "%s: the list is not taken: %s", path, err_text(rc));
	return SL_MIN(rc, 0);
}

/* Those in the document were checked: config_build let them pass. */
static int add_inline(struct domain_builder *b, const struct config_names *names)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->count; i++)
		rc = domain_builder_add(b, names->items[i], strlen(names->items[i]), 0);
	return rc;
}

static int add_section(struct gather *g, const struct domain_builder *b, const char *pattern,
                       const char *policy)
{
	char name[CONF_IMAGE_NAME_MAX];
	struct buf bytes;
	int rc;

	buf_init(&bytes, CONF_IMAGE_MAX);
	rc = domain_builder_finish(b, &bytes);
	if (rc == 0)
		rc = conf_image_add(g->m, image_section_name(name, pattern, policy), bytes.data,
		                    bytes.len);
	buf_fini(&bytes);
	return rc;
}

/* One list of one policy. */
static void gather_list(struct gather *g, const char *pattern, const char *policy,
                        const struct config_names *names, const char *path)
{
	struct domain_builder *b;
	int rc;

	if (names->count == 0 && path[0] == '\0')
		return;
	b = domain_builder_create();
	rc = b ? add_inline(b, names) : SL_ENOMEM;
	if (rc == 0 && path[0] != '\0' && add_file(g, b, path) != 0) {
		domain_builder_destroy(b);
		return;
	}
	if (rc == 0)
		rc = add_section(g, b, pattern, policy);
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "shorten the list",
		                      "the lists of the decryption policy \"%s\": %s", policy,
		                      err_text(rc));
	domain_builder_destroy(b);
}

const struct conf_node *gather_policy_node(const struct conf_node *root, size_t index,
                                           const char *key)
{
	if (index < CONFIG_BUILTIN_DECRYPTION_POLICIES)
		return NULL;
	return gather_node(root, "decryption_policies", index - CONFIG_BUILTIN_DECRYPTION_POLICIES,
	                   key);
}

void gather_names(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);

	for (size_t i = 0; i < c->decryption_policies_count; i++) {
		const struct config_decryption_policy *p = &c->decryption_policies[i];

		if (config_find_decryption_policy(c, p->name) != p)
			continue; /* the document's takes its place */
		g->node = gather_policy_node(root, i, "domains_file");
		gather_list(g, CONF_SECTION_DOMAINS, p->name, &p->domains, p->domains_file);
		g->node = gather_policy_node(root, i, "category_overrides_file");
		gather_list(g, CONF_SECTION_OVERRIDES, p->name, &p->category_overrides,
		            p->category_overrides_file);
	}
}
