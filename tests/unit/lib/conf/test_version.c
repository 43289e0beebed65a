/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each version of the document that is read (R162): of each there is one in which every row is
 * written, and what it comes to. One that was released stays as it is, so whoever raises
 * CONF_VERSION sees here whether the version before is read as it was.
 *
 *   test_conf_version DOCUMENTS
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon.h"
#include "lib/conf/version.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

enum { PATH_SIZE = 4096, TEXT_MAX = 65536 };

static const char *folder;

static const char *path_of(uint32_t version, const char *suffix, char path[PATH_SIZE])
{
	(void)snprintf(path, PATH_SIZE, "%s/%" PRIu32 ".%s", folder, version, suffix);
	return path;
}

static void read_file(const char *path, struct buf *text)
{
	FILE *file = fopen(path, "re");
	char piece[4096];
	size_t len;

	if (!file)
		fail_msg("%s cannot be read", path);
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		assert_int_equal(buf_add(text, piece, len), 0);
	assert_int_equal(fclose(file), 0);
}

static struct loaded load_version(uint32_t version)
{
	struct loaded l = {0};
	char path[PATH_SIZE];

	conf_errors_init(&l.errs);
	load_build(&l, conf_load_file(path_of(version, "yaml", path), &l.errs, &l.doc));
	for (size_t i = 0; i < l.errs.count; i++)
		if (!l.errs.items[i].notice)
			print_error("%s%s: %s\n", path, l.errs.items[i].pointer,
			            l.errs.items[i].text);
	assert_int_equal(l.rc, 0);
	return l;
}

static void assert_same(const char *text, const char *wanted)
{
	size_t same = 0;

	while (text[same] && text[same] == wanted[same])
		same++;
	if (text[same] != wanted[same])
		fail_msg("from byte %zu on it is \"%.60s\" and not \"%.60s\"", same, text + same,
		         wanted + same);
}

static void each_version_comes_to_what_it_came_to(void **state)
{
	(void)state;
	for (uint32_t version = conf_version_oldest(); version <= conf_version(); version++) {
		struct loaded l = load_version(version);
		struct buf text, wanted;
		char path[PATH_SIZE];

		buf_init(&text, TEXT_MAX);
		buf_init(&wanted, TEXT_MAX);
		assert_int_equal(l.config->version, version);
		assert_int_equal(
		        conf_canonical(conf_document_root(l.doc), CONF_CANON_INDENT, &text), 0);
		assert_int_equal(buf_add(&text, "\n", 1), 0);
		read_file(path_of(version, "json", path), &wanted);
		assert_same(buf_text(&text), buf_text(&wanted));
		buf_fini(&text);
		buf_fini(&wanted);
		unload(&l);
	}
}

/* ---- every row --------------------------------------------------------------------------- */

static bool is_in_documents(const struct conf_field *f, uint32_t version)
{
	return !(f->flags & (CONF_UNAVAILABLE | CONF_SMS_ONLY)) && conf_since(f) <= version;
}

static bool is_written(const struct conf_node *const *maps, size_t count,
                       const struct conf_field *f)
{
	for (size_t i = 0; i < count; i++)
		if (conf_node_find(maps[i], f->name))
			return true;
	return false;
}

/* Of all that stands at one place of the schema: a row is written in one of them. */
static void walk(const struct conf_object *object, const struct conf_node *const *maps,
                 size_t count, uint32_t version)
{
	enum { ITEMS_MAX = 32 };

	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];
		const struct conf_node *below[ITEMS_MAX];
		size_t found = 0;

		if (!is_in_documents(f, version))
			continue;
		if (!is_written(maps, count, f))
			fail_msg("no document of version %" PRIu32 " has \"%s\" of %s: a row that "
			         "came after that version was released has `.since`",
			         version, f->name, object->name);
		for (size_t m = 0; f->object && m < count; m++) {
			const struct conf_node *n = conf_node_find(maps[m], f->name);

			if (n && f->type == CONF_TYPE_OBJECTS)
				n = n->child;
			for (; n && found < ITEMS_MAX; n = n->next) {
				below[found++] = n;
				if (f->type == CONF_TYPE_OBJECT)
					break;
			}
		}
		if (f->object)
			walk(f->object, below, found, version);
	}
}

static void each_version_has_every_row_that_it_knows(void **state)
{
	(void)state;
	for (uint32_t version = conf_version_oldest(); version <= conf_version(); version++) {
		struct loaded l = load_version(version);
		const struct conf_node *root = conf_document_root(l.doc);

		walk(&conf_schema, &root, 1, version);
		unload(&l);
	}
}

/* ---- others ------------------------------------------------------------------------------ */

static void another_version_is_refused_by_one_error(void **state)
{
	static const struct {
		unsigned version;
		const char *text, *remedy;
	} others[] = {
	        {0, "the document is of version 0; this build reads version 1",
	         "set \"version: 1\""},
	        {2, "the document is of version 2; this build reads version 1",
	         "bring Sluice up to date"},
	        {4294967295, "the document is of version 4294967295", "bring Sluice up to date"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(others); i++) {
		struct loaded l;
		const struct conf_error *e;
		char text[128];

		/* What else is in it may be right there. */
		(void)snprintf(text, sizeof(text), "version: %u\nyet_to_come: true\n",
		               others[i].version);
		l = load_yaml(text);
		e = error_at(&l, "/version", others[i].text);
		assert_int_equal(l.rc, SL_EUNSUPPORTED);
		assert_int_equal(l.errs.count, 1);
		assert_non_null(e);
		assert_non_null(strstr(e->remedy, others[i].remedy));
		assert_int_equal(e->line, 1);
		unload(&l);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_version_comes_to_what_it_came_to),
	        cmocka_unit_test(each_version_has_every_row_that_it_knows),
	        cmocka_unit_test(another_version_is_refused_by_one_error),
	};

	if (argc != 2)
		return 2;
	folder = argv[1];
	return RUN_TESTS(tests);
}
