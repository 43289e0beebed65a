/* SPDX-License-Identifier: Apache-2.0 */
/* A device's whole document: each item of its lists that is a setting becomes an object. */
#include <stdio.h>
#include <string.h>

#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/version.h"
#include "sms/setting.h"

/* The document's key of a kind: the list whose items are of its row. */
static const char *key_of(const struct kind *kind)
{
	for (size_t i = 0; i < conf_schema.count; i++)
		if (conf_schema.fields[i].object == kind->object)
			return conf_schema.fields[i].name;
	return "";
}

enum { STEP = 1000 }; /* between two places: others may come between them */

/* What is refused stops nothing: the user sees all of it at once. An order stays what it is. */
static enum sms_exit put_list(struct sms *sms, const struct kind *kind,
                              const struct conf_node *list, const char *comment)
{
	struct setting_how how = {.comment = comment};
	const struct conf_node *item = list && list->kind == CONF_LIST ? list->child : NULL;
	enum sms_exit worst = SMS_OK;

	for (; item; item = item->next) {
		const struct conf_node *name = conf_node_find(item, "name");
		enum sms_exit status;

		how.place += STEP;
		status = setting_put(sms, kind, item, &how);

		if (status == SMS_NO_SERVER)
			return status;
		if (status != SMS_OK) {
			worst = status;
			(void)sms_fail(status, "%s %.128s: not taken", kind->word,
			               name ? name->value : "");
		}
	}
	return worst;
}

/* One that is not read here would be taken for what it does not say. */
static enum sms_exit check_version(const struct conf_document *doc)
{
	struct conf_errors errs;
	uint32_t version;
	int rc;

	conf_errors_init(&errs);
	rc = conf_version_of(conf_document_root(doc), &errs, &version);
	setting_tell(&errs);
	conf_errors_fini(&errs);
	return rc == 0 ? SMS_OK : SMS_USAGE;
}

static enum sms_exit put_lists(struct sms *sms, const struct conf_document *doc,
                               const char *comment)
{
	enum sms_exit worst = SMS_OK;
	const struct kind *kind;

	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++) {
		enum sms_exit status = put_list(
		        sms, kind, conf_node_find(conf_document_root(doc), key_of(kind)), comment);

		worst = status == SMS_OK ? worst : status;
		if (status == SMS_NO_SERVER)
			break;
	}
	return worst;
}

enum sms_exit sms_import_document(struct sms *sms, enum sms_command command,
                                  const json_t *arguments)
{
	struct conf_document *doc;
	enum sms_exit worst = setting_load(sms_argument(arguments, "file"), &doc);

	(void)command;
	if (worst != SMS_OK)
		return worst;
	worst = check_version(doc);
	if (worst == SMS_OK)
		worst = put_lists(sms, doc, sms_argument(arguments, "comment"));
	conf_document_destroy(doc);
	return worst;
}
