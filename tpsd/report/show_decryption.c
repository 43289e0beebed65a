/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of the decryption policies in force, a line an entry, as `domains_file` and
 * `category_overrides_file` take them (R110). What a policy has in a file stays in that file, which
 * is named.
 */
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/server.h"
#include "tpsd/report/show_config.h"

enum { PIECE_LEN = 128 * 1024, PIECE_MAX = PIECE_LEN + 64 * 1024 };

struct exported {
	const struct config_names *names;
	const char *file; /* "": none */
};

static struct exported list_of(const struct config_decryption_policy *p, const char *list)
{
	if (list && strcmp(list, "overrides") == 0)
		return (struct exported){&p->category_overrides, p->category_overrides_file};
	if (list && strcmp(list, "categories") == 0)
		return (struct exported){&p->categories, ""};
	return (struct exported){&p->domains, p->domains_file};
}

/* False: the client is gone, and the request with it. */
static bool send_piece(struct request *request, struct buf *text)
{
	json_t *value = json_stringn(buf_text(text), text->len);

	buf_consume(text, text->len);
	return request_piece(request, json_pack("{s:o}", "text", value ? value : json_string("")));
}

static bool send_names(struct request *request, const struct config_names *names, struct buf *text)
{
	for (size_t i = 0; i < names->count; i++) {
		if (buf_printf(text, "%s\n", names->items[i]) != 0)
			continue; /* PIECE_MAX has room for the longest */
		if (text->len >= PIECE_LEN && !send_piece(request, text))
			return false;
	}
	return true;
}

static bool send_list(struct request *request, const char *policy, const struct exported *e,
                      struct buf *text)
{
	(void)buf_printf(text, "# of the decryption policy %s\n", policy);
	if (e->file[0])
		(void)buf_printf(text, "# and those in %s\n", e->file);
	return send_names(request, e->names, text) && (text->len == 0 || send_piece(request, text));
}

void handle_decryption_export(struct request *request)
{
	const struct config *config = config_in_force(request);
	const char *name = request_text(request, "policy");
	const struct config_decryption_policy *policy;
	struct exported e;
	struct buf text;

	if (!config)
		return;
	policy = config_find_decryption_policy(config, name);
	if (!policy) {
		request_error(request, SL_ENOENT, "there is no decryption policy of that name",
		              "Default is always there; 'tps config show' has the others");
		return;
	}
	e = list_of(policy, request_text(request, "list"));
	buf_init(&text, PIECE_MAX);
	if (send_list(request, policy->name, &e, &text))
		request_end(request);
	buf_fini(&text);
}
