/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML into nodes. Events are taken one by one, not a finished yaml_document_t: so a document that
 * nests or repeats without end is left at the bound, before it has grown in memory, and an alias
 * is seen as what it is. Aliases are refused whole: they are how a small file becomes a huge one.
 */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/node_priv.h"

struct yaml_load {
	yaml_parser_t parser;
	struct conf_document *doc;
	struct conf_errors *errs;
	struct conf_node *at; /* open map or list; NULL: outside the root */
	const char *key;      /* read in the open map, its value is next */
	yaml_mark_t key_mark;
	bool ended;
};

static struct conf_node place_of(const struct yaml_load *l, yaml_mark_t mark)
{
	return (struct conf_node){
	        .key = l->key,
	        .parent = l->at,
	        .index = l->at ? l->at->children : 0,
	        .file = l->doc->file,
	        .line = (unsigned)mark.line + 1,
	        .column = (unsigned)mark.column + 1,
	        .key_line = (unsigned)l->key_mark.line + 1,
	        .key_column = (unsigned)l->key_mark.column + 1,
	};
}

static int refuse(struct yaml_load *l, yaml_mark_t mark, int code, const char *remedy,
                  const char *text)
{
	struct conf_node at = place_of(l, mark);

	at.key_line = at.line;
	at.key_column = at.column;
	return conf_errors_add(l->errs, &at, code, remedy, "%s", text);
}

static bool is_null_word(const char *text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static int check_properties(struct yaml_load *l, const yaml_event_t *e, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
	if (anchor)
		return refuse(l, e->start_mark, SL_EUNSUPPORTED, "write the value out",
		              "anchors and aliases are not taken");
	if (tag)
		return refuse(l, e->start_mark, SL_EUNSUPPORTED,
		              "leave the tag out: the setting knows its type",
		              "tags are not taken");
	return 0;
}

/* Adds a node at the open place; the key, if any, is used up. */
static int add_node(struct yaml_load *l, const yaml_event_t *e, enum conf_kind kind, char *value,
                    bool quoted, struct conf_node **ret_node)
{
	struct conf_node what = place_of(l, e->start_mark);
	struct conf_node *node;
	int rc = 0;

	what.kind = kind;
	what.value = value;
	what.quoted = quoted;
	if (l->at && l->at->kind == CONF_MAP)
		rc = conf_node_check_key(l->at, &what, l->errs);
	if (rc != 0)
		return rc;
	node = conf_node_add(l->doc, l->at, &what, l->errs);
	l->key = NULL;
	if (!node)
		return SL_ELIMIT;
	*ret_node = node;
	return 0;
}

static bool key_wanted(const struct yaml_load *l)
{
	return l->at && l->at->kind == CONF_MAP && !l->key;
}

static int on_scalar(struct yaml_load *l, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct conf_node *node;
	char *copy;
	int rc = check_properties(l, e, e->data.scalar.anchor, e->data.scalar.tag);

	if (rc != 0)
		return rc;
	if (len > CONF_SCALAR_MAX || memchr(text, '\0', len))
		return refuse(l, e->start_mark, SL_ELIMIT, "shorten it, or take the NUL out",
		              "a value is too long or holds a NUL character");
	copy = arena_text(&l->doc->arena, text, len);
	if (!copy)
		return refuse(l, e->start_mark, SL_ENOMEM, "", "out of memory");
	if (key_wanted(l)) {
		l->key = copy;
		l->key_mark = e->start_mark;
		return 0;
	}
	if (plain && is_null_word(copy))
		return add_node(l, e, CONF_NULL, NULL, false, &node);
	return add_node(l, e, CONF_SCALAR, copy, !plain, &node);
}

static int on_open(struct yaml_load *l, const yaml_event_t *e, enum conf_kind kind)
{
	const yaml_char_t *anchor =
	        kind == CONF_MAP ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
	const yaml_char_t *tag =
	        kind == CONF_MAP ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	int rc = check_properties(l, e, anchor, tag);

	if (rc != 0)
		return rc;
	if (key_wanted(l))
		return refuse(l, e->start_mark, SL_EMALFORMED, "a key is one word before a colon",
		              "a map or list stands where a key should");
	return add_node(l, e, kind, NULL, false, &l->at);
}

static int on_event(struct yaml_load *l, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(l, e);
	case YAML_MAPPING_START_EVENT:
		return on_open(l, e, CONF_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(l, e, CONF_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		l->at = (struct conf_node *)l->at->parent;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(l, e->start_mark, SL_EUNSUPPORTED, "write the value out",
		              "anchors and aliases are not taken");
	case YAML_DOCUMENT_START_EVENT:
		if (!l->doc->root)
			return 0;
		return refuse(l, e->start_mark, SL_EMALFORMED, "keep one document in the file",
		              "a second document begins");
	case YAML_STREAM_END_EVENT:
		l->ended = true;
		return 0;
	default:
		return 0;
	}
}

static int on_parser_error(struct yaml_load *l)
{
	const yaml_parser_t *p = &l->parser;
	yaml_mark_t mark = p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return conf_errors_add(l->errs, NULL, SL_ENOMEM, "", "out of memory");
	if (p->error == YAML_READER_ERROR)
		return conf_errors_add_at(l->errs, l->doc->file, 0, 0, "", SL_EMALFORMED,
		                          "save the file as UTF-8 text", "byte %zu: %s",
		                          p->problem_offset, p->problem ? p->problem : "not text");
	return conf_errors_add_at(l->errs, l->doc->file, (unsigned)mark.line + 1,
	                          (unsigned)mark.column + 1, "", SL_EMALFORMED,
	                          "check the indentation and the quotes there",
	                          "this is not YAML: %s%s%s", p->problem ? p->problem : "",
	                          p->context ? ", " : "", p->context ? p->context : "");
}

static int load_events(struct yaml_load *l)
{
	yaml_event_t event;
	int rc = 0;

	while (rc == 0 && !l->ended) {
		if (!yaml_parser_parse(&l->parser, &event))
			return on_parser_error(l);
		rc = on_event(l, &event);
		yaml_event_delete(&event);
	}
	return rc;
}

int conf_load_yaml(const char *file, const void *text, size_t len, struct conf_errors *errs,
                   struct conf_document **ret)
{
	struct yaml_load l = {.errs = errs};
	size_t refusals = errs->refusals;
	int rc;

	if (len > CONF_DOCUMENT_MAX)
		return conf_errors_add_at(errs, file, 0, 0, "", SL_ELIMIT,
		                          "put long lists into files that the document names",
		                          "the document is larger than %d MiB",
		                          CONF_DOCUMENT_MAX / (1024 * 1024));
	l.doc = conf_document_create(file);
	if (!l.doc || !yaml_parser_initialize(&l.parser)) {
		conf_document_destroy(l.doc);
		return conf_errors_add(errs, NULL, SL_ENOMEM, "", "out of memory");
	}
	yaml_parser_set_input_string(&l.parser, text ? text : (const void *)"", len);
	rc = load_events(&l);
	yaml_parser_delete(&l.parser);
	if (rc == 0 && !l.doc->root)
		rc = conf_errors_add_at(errs, file, 0, 0, "", SL_ESHORT,
		                        "start from packaging/tpsd.example.yaml",
		                        "the document is empty");
	if (rc == 0 && errs->refusals > refusals)
		rc = SL_EEXIST;
	if (rc != 0) {
		conf_document_destroy(l.doc);
		return rc;
	}
	*ret = l.doc;
	return 0;
}
