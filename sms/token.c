/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of one's own. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "sms/sms.h"

enum { DAYS = 90 };

/* All that whoever is logged in may do: what a token may, when nothing less was asked for. */
static enum sms_exit own_capabilities(struct sms *sms, json_t **ret_list)
{
	struct link_answer answer;
	enum sms_exit status =
	        sms_call(sms, &(struct link_request){.method = "GET", .path = "/me"}, &answer);
	json_t *me;

	if (status != SMS_OK)
		return status;
	me = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	*ret_list = json_incref(json_object_get(me, "capabilities"));
	json_decref(me);
	link_answer_fini(&answer);
	return *ret_list ? SMS_OK : sms_fail(SMS_REFUSED, "the server does not say what you may");
}

static enum sms_exit make(struct sms *sms, const json_t *arguments)
{
	json_t *body =
	        json_pack("{s:s, s:i}", "name", sms_argument(arguments, "name"), "days", DAYS);
	const char *asked = sms_argument(arguments, "scopes");
	json_t *scopes = asked ? sms_split(asked, ',') : NULL;
	enum sms_exit status = sms_put_number(body, arguments, "days");

	if (status == SMS_OK && !asked)
		status = own_capabilities(sms, &scopes);
	if (status == SMS_OK && json_object_set(body, "scopes", scopes) != 0)
		status = sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = "/me/tokens",
		                                                   .body = body});
	json_decref(scopes);
	json_decref(body);
	return status;
}

static enum sms_exit withdraw(struct sms *sms, const json_t *arguments)
{
	char *path = sms_path("me/token", sms_argument(arguments, "name"), NULL);
	enum sms_exit status;

	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	status = sms_call_show(sms, &(struct link_request){.method = "DELETE", .path = path});
	free(path);
	return status;
}

enum sms_exit sms_token(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	if (command == SMS_TOKEN_MAKE)
		return make(sms, arguments);
	if (command == SMS_TOKEN_DELETE)
		return withdraw(sms, arguments);
	return sms_show_list(sms, "/me/tokens", NULL);
}
