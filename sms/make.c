/* SPDX-License-Identifier: Apache-2.0 */
/* New signing certificates and signing requests. */
#include <string.h>

#include "lib/base/err.h"
#include "sms/sms.h"

/* Arguments that are named as certificates name them, and what the API calls them. */
static const struct {
	const char *argument, *field;
	char between; /* of a list; 0: one text */
} subject_fields[] = {
        {"email", "email", 0}, {"ou", "units", ';'}, {"o", "organization", 0}, {"l", "locality", 0},
        {"st", "state", 0},    {"c", "country", 0},  {"dns", "dns", ','},      {"user", "user", 0},
};

json_t *sms_split(const char *text, char between)
{
	const char set[] = {between, '\0'};
	json_t *list = json_array();

	while (list && *text) {
		size_t len = strcspn(text, set);

		if (len > 0)
			(void)json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == between);
	}
	return list;
}

static void put_subject(json_t *to, const json_t *arguments)
{
	const char *name = sms_argument(arguments, "common-name");

	(void)json_object_set_new(to, "common_name",
	                          json_string(name ? name : sms_argument(arguments, "name")));
	for (size_t i = 0; i < SL_ARRAY_LEN(subject_fields); i++) {
		const char *text = sms_argument(arguments, subject_fields[i].argument);

		if (text)
			(void)json_object_set_new(
			        to, subject_fields[i].field,
			        subject_fields[i].between
			                ? sms_split(text, subject_fields[i].between)
			                : json_string(text));
	}
}

enum sms_exit sms_make(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	struct link_request request = {
	        .method = "POST",
	        .path = command == SMS_MAKE_SIGNING_REQUEST ? "/signing-requests"
	                                                    : "/signing-certificates",
	};
	json_t *body = json_object(), *subject = json_object();
	enum sms_exit status = SMS_REFUSED;

	if (body && subject) {
		put_subject(subject, arguments);
		(void)json_object_set(body, "name", json_object_get(arguments, "name"));
		(void)json_object_set(body, "subject", subject);
		if (sms_argument(arguments, "key-type"))
			(void)json_object_set(body, "key_type",
			                      json_object_get(arguments, "key-type"));
		if (json_object_get(arguments, "exportable"))
			(void)json_object_set_new(body, "exportable", json_true());
		if (json_object_get(arguments, "ca"))
			(void)json_object_set_new(body, "ca", json_true());
		status = sms_put_number(body, arguments, "days");
		request.body = body;
		if (status == SMS_OK)
			status = sms_call_show(sms, &request);
	}
	json_decref(subject);
	json_decref(body);
	return status;
}
