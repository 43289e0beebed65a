/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of one's own. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "sms/sms.h"

static enum sms_exit make(struct sms *sms, const json_t *arguments)
{
	json_t *body = json_pack("{s:s}", "name", sms_argument(arguments, "name"));
	const char *scopes = sms_argument(arguments, "scopes");
	enum sms_exit status = sms_put_number(body, arguments, "days");

	if (scopes)
		(void)json_object_set_new(body, "scopes", sms_split(scopes, ','));
	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = "/me/tokens",
		                                                   .body = body});
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
