/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public files that a document names, read into the sections of an image. Each file's error is
 * listed at the setting that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/conf/config.h"
#include "lib/conf/digest.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"

/* ---- rules ------------------------------------------------------------------------------- */

int gather_read(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	uint8_t *room;
	ssize_t got = 0;
	int rc = fd < 0 || fstat(fd, &st) != 0 ? SL_ESYS : 0;

	if (rc == 0 && !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		rc = SL_ESYS;
	}
	if (rc == 0 && st.st_size > 0)
		rc = buf_reserve(text, (size_t)st.st_size, &room);
	while (rc == 0 && text->len < (size_t)st.st_size) {
		got = read(fd, text->data + text->len, (size_t)st.st_size - text->len);
		if (got < 0 && errno != EINTR)
			rc = SL_ESYS;
		if (got == 0)
			break;
		if (got > 0)
			text->len += (size_t)got;
	}
	if (fd >= 0) {
		int error = errno;

		(void)close(fd);
		errno = error;
	}
	return rc;
}

/* A document may say which text it means (`sha256`), so that a file cannot change under it. */
static bool is_meant(const struct config_filters *f, const void *text, size_t len)
{
	uint8_t digest[CONF_DIGEST_LEN];
	char hex[2 * sizeof(digest) + 1];

	if (f->sha256[0] == '\0')
		return true;
	if (conf_digest(text, len, digest) != 0)
		return false;
	(void)hex_text(digest, sizeof(digest), hex);
	return strcasecmp(hex, f->sha256) == 0;
}

/* PEM armour begins a line. Inside one it is what a rule looks for: filters against leaked keys. */
static bool is_pem(const struct buf *text)
{
	static const char armour[] = "\n-----BEGIN ";
	size_t len = sizeof(armour) - 2;

	return text->len >= len && (memcmp(text->data, armour + 1, len) == 0 ||
	                            memmem(text->data, text->len, armour, len + 1));
}

static void add_rules(struct gather *g, const char *path, const char *name, const struct buf *text)
{
	int rc;

	if (is_pem(text)) {
		(void)conf_errors_add(g->errs, g->node, SL_EINVAL, "name a file of rules",
		                      "%s: this is a certificate or key", path);
		return;
	}
	rc = conf_image_add(g->m, name, text->data, text->len);
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "split the file",
		                      "%s: the rules are not taken: %s", path, err_text(rc));
}

/* A file that several filters name is read once. */
static void gather_rules(struct gather *g, const struct config_filters *f)
{
	char name[CONF_IMAGE_NAME_MAX];
	const void *data;
	struct buf text;
	size_t len;
	int rc = 0;

	image_section_name(name, CONF_SECTION_RULES, f->rules);
	buf_init(&text, CONF_RULES_FILE_MAX);
	if (conf_image_maker_section(g->m, name, &data, &len) != 0) {
		rc = gather_read(f->rules, &text);
		if (rc == 0)
			add_rules(g, f->rules, name, &text);
	}
	if (rc == SL_ESYS)
		(void)conf_errors_add(
		        g->errs, g->node, SL_ENOENT, "check the path and who may read it",
		        "%s: the rules cannot be read: %s", f->rules, strerror(errno));
	else if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "split the file",
		                      "%s: the rules are not taken: %s", f->rules, err_text(rc));
	else if (conf_image_maker_section(g->m, name, &data, &len) == 0 && !is_meant(f, data, len))
		(void)conf_errors_add(g->errs, g->node, SL_EMISMATCH,
		                      "bring the file that is meant, or its digest, up to date",
		                      "%s is not the file whose sha256 is named", f->rules);
	buf_fini(&text);
}

/* ---- the document's files ---------------------------------------------------------------- */

const struct conf_node *gather_node(const struct conf_node *map, const char *list, size_t index,
                                    const char *key)
{
	const struct conf_node *node = conf_node_find(map, list);
	const struct conf_node *setting;

	for (node = node ? node->child : NULL; node && index > 0; index--)
		node = node->next;
	setting = node ? conf_node_find(node, key) : NULL;
	return setting ? setting : node;
}

static void gather_filters(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);

	for (size_t p = 0; p < c->profiles_count; p++)
		for (size_t f = 0; f < c->profiles[p].filters_count; f++) {
			const struct conf_node *profile = gather_node(root, "profiles", p, "");

			g->node = profile ? gather_node(profile, "filters", f, "rules") : NULL;
			gather_rules(g, &c->profiles[p].filters[f]);
		}
}

void image_gather_files(struct conf_image_maker *maker, const struct conf_node *root,
                        struct conf_errors *errs)
{
	struct gather g = {.m = maker, .errs = errs};

	gather_pki(&g, root);
	gather_crls(&g, root);
	gather_filters(&g, root);
	gather_names(&g, root);
	gather_categories(&g, root);
}
