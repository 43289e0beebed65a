/* SPDX-License-Identifier: Apache-2.0 */
/* People, roles and groups, for whoever manages them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "sms/sms.h"

static const char *const person_columns[] = {"name",         "role",     "groups", "disabled",
                                             "locked_until", "sessions", "tokens", "entered",
                                             "comment",      NULL};
static const char *const group_columns[] = {"name",    "default",  "people",
                                            "comment", "revision", NULL};
static const char *const role_columns[] = {"name", "default", "from", "comment", "revision", NULL};

/* A call about one of `kind` ("person", "role"), with the revision as it is now where `seen`. */
static enum sms_exit call_one(struct sms *sms, const char *method, const char *kind,
                              const json_t *arguments, const char *rest, const json_t *body)
{
	bool seen = strcmp(method, "PATCH") == 0 || (strcmp(method, "DELETE") == 0 && !rest);
	char *path = sms_path(kind, sms_argument(arguments, "name"), rest);
	char revision[LINK_ETAG_MAX] = "";
	enum sms_exit status = path ? SMS_OK : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));

	if (status == SMS_OK && seen)
		status = sms_revision(sms, arguments, kind, revision);
	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = method,
		                                                   .path = path,
		                                                   .body = body,
		                                                   .if_match = revision});
	free(path);
	return status;
}

static void copy(json_t *body, const json_t *arguments, const char *key)
{
	if (sms_argument(arguments, key))
		(void)json_object_set(body, key, json_object_get(arguments, key));
}

/* Names with commas between; "Everyone" is who is in none. */
static json_t *groups_of(const char *text)
{
	return strcmp(text, "Everyone") == 0 ? json_array() : sms_split(text, ',');
}

/* Arguments of a group, and what the API calls them. */
static const struct {
	const char *argument, *key;
} items[] = {
        {"devices", "devices"},
        {"profiles", "profiles"},
        {"server-proxies", "server_proxies"},
        {"client-proxies", "client_proxies"},
        {"decryption-policies", "decryption_policies"},
};

/* "all", "all,-a,-b" (but for these), "a,b" (these alone), "none". */
static json_t *access_of(const char *text)
{
	json_t *words = sms_split(text, ','), *single = json_array(), *word;
	const char *first = json_string_value(json_array_get(words, 0));
	bool all = first && strcmp(first, "all") == 0;
	size_t i;

	json_array_foreach(words, i, word)
	{
		const char *name = json_string_value(word);

		if (i == 0 && (all || strcmp(name, "none") == 0))
			continue;
		(void)json_array_append_new(single,
		                            json_string(all && name[0] == '-' ? name + 1 : name));
	}
	json_decref(words);
	return json_pack("{s:b, s:o}", "all", all, "items", single);
}

/* What is said of a person, a role or a group, each only where it is given. */
static json_t *body_of(const json_t *arguments)
{
	const char *capabilities = sms_argument(arguments, "capabilities");
	json_t *body = json_object();

	copy(body, arguments, "role");
	copy(body, arguments, "from");
	copy(body, arguments, "comment");
	if (sms_argument(arguments, "groups"))
		(void)json_object_set_new(body, "groups",
		                          groups_of(sms_argument(arguments, "groups")));
	for (size_t i = 0; i < SL_ARRAY_LEN(items); i++)
		if (sms_argument(arguments, items[i].argument))
			(void)json_object_set_new(
			        body, items[i].key,
			        access_of(sms_argument(arguments, items[i].argument)));
	if (capabilities)
		(void)json_object_set_new(body, "capabilities", sms_split(capabilities, ','));
	if (json_object_get(arguments, "disable") || json_object_get(arguments, "enable"))
		(void)json_object_set_new(body, "disabled",
		                          json_boolean(json_object_get(arguments, "disable")));
	return body;
}

static enum sms_exit add(struct sms *sms, const char *path, const json_t *arguments)
{
	json_t *body = body_of(arguments);
	enum sms_exit status;

	copy(body, arguments, "name");
	status = sms_call_show(
	        sms, &(struct link_request){.method = "POST", .path = path, .body = body});
	json_decref(body);
	return status;
}

static enum sms_exit set(struct sms *sms, const char *kind, const json_t *arguments)
{
	json_t *body;
	enum sms_exit status;

	if (json_object_get(arguments, "disable") && json_object_get(arguments, "enable"))
		return sms_fail(SMS_USAGE, "--disable or --enable, not both");
	body = body_of(arguments);
	if (json_object_size(body) == 0)
		status = sms_fail(SMS_USAGE, "what is to be changed?");
	else
		status = call_one(sms, "PATCH", kind, arguments, NULL, body);
	json_decref(body);
	return status;
}

static enum sms_exit list_tokens(struct sms *sms, const json_t *arguments)
{
	char *path = sms_path("person", sms_argument(arguments, "name"), "/tokens");
	enum sms_exit status = path ? sms_show_list(sms, path, NULL)
	                            : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));

	free(path);
	return status;
}

static enum sms_exit drop_token(struct sms *sms, const json_t *arguments)
{
	char *token = sms_path("token", sms_argument(arguments, "token"), NULL);
	enum sms_exit status = token ? call_one(sms, "DELETE", "person", arguments, token, NULL)
	                             : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));

	free(token);
	return status;
}

enum sms_exit sms_person(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	switch (command) {
	case SMS_PERSON_ADD:
		return add(sms, "/people", arguments);
	case SMS_PERSON_LIST:
		return sms_show_all(sms, "/people", person_columns);
	case SMS_PERSON_SHOW:
		return call_one(sms, "GET", "person", arguments, NULL, NULL);
	case SMS_PERSON_SET:
		return set(sms, "person", arguments);
	case SMS_PERSON_DELETE:
		return call_one(sms, "DELETE", "person", arguments, NULL, NULL);
	case SMS_PERSON_RESET_PASSWORD:
		return call_one(sms, "POST", "person", arguments, "/password", NULL);
	case SMS_PERSON_UNLOCK:
		return call_one(sms, "POST", "person", arguments, "/unlock", NULL);
	case SMS_PERSON_END_SESSIONS:
		return call_one(sms, "DELETE", "person", arguments, "/sessions", NULL);
	case SMS_PERSON_TOKEN_LIST:
		return list_tokens(sms, arguments);
	default:
		return drop_token(sms, arguments);
	}
}

enum sms_exit sms_role(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	switch (command) {
	case SMS_ROLE_ADD:
		return add(sms, "/roles", arguments);
	case SMS_ROLE_LIST:
		return sms_show_list(sms, "/roles", role_columns);
	case SMS_ROLE_SHOW:
		return call_one(sms, "GET", "role", arguments, NULL, NULL);
	case SMS_ROLE_SET:
		return set(sms, "role", arguments);
	default:
		return call_one(sms, "DELETE", "role", arguments, NULL, NULL);
	}
}

enum sms_exit sms_group(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	switch (command) {
	case SMS_GROUP_ADD:
		return add(sms, "/groups", arguments);
	case SMS_GROUP_LIST:
		return sms_show_list(sms, "/groups", group_columns);
	case SMS_GROUP_SHOW:
		return call_one(sms, "GET", "group", arguments, NULL, NULL);
	case SMS_GROUP_SET:
		return set(sms, "group", arguments);
	default:
		return call_one(sms, "DELETE", "group", arguments, NULL, NULL);
	}
}
