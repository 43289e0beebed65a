/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout, password, whoami, token. */
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "sms/secret.h"
#include "sms/sms.h"

enum { NAME_MAX_LEN = 128 };

/* ---- which server, and whether it is the one --------------------------------------------- */

/* Of login's own options and the program's; a file is remembered by its whole path. */
static enum sms_exit take_options(struct sms *sms, const json_t *arguments)
{
	const char *ca = sms_argument(arguments, "ca"), *pin = sms_argument(arguments, "pin");
	const char *server = sms_argument(arguments, "server");
	char path[PATH_MAX];

	sms->server = server ? server : sms->server;
	sms->ca = ca ? ca : sms->ca;
	sms->pin = pin ? pin : sms->pin;
	if (sms->server && strcmp(sms->server, sms->state.server) != 0) {
		state_wipe(&sms->state);
		if (strlen(sms->server) >= sizeof(sms->state.server))
			return sms_fail(SMS_USAGE, "that URL is too long");
		(void)strcpy(sms->state.server, sms->server);
	}
	if (sms->ca && sms->pin)
		return sms_fail(SMS_USAGE, "--ca or --pin, not both");
	if (sms->ca) {
		if (!realpath(sms->ca, path))
			return sms_fail(SMS_USAGE, "%s cannot be read", sms->ca);
		sms->state.pin[0] = '\0';
		(void)snprintf(sms->state.ca, sizeof(sms->state.ca), "%s", path);
	}
	if (sms->pin) {
		if (link_pin_parse(sms->pin, sms->state.pin) != 0)
			return sms_fail(SMS_USAGE, "a pin is the SHA-256 of the server's "
			                           "certificate in 64 hexadecimal digits");
		sms->state.ca[0] = '\0';
	}
	return SMS_OK;
}

/* Asks the server for its certificate, without trusting it, and whoever sits there about it. */
static enum sms_exit confirm_certificate(struct sms *sms)
{
	const struct link_options options = {.server = sms->state.server};
	const struct link_request request = {.method = "GET", .path = "/version"};
	struct link_answer answer;
	char why[LINK_TEXT_MAX], yes[8];
	struct link *link;

	if (link_open(&options, &link) != 0)
		return sms_fail(SMS_USAGE, "a server is https://NAME:PORT");
	if (link_call(link, &request, &(struct link_credentials){0}, &answer, why) == 0)
		link_answer_fini(&answer); /* cannot be: nothing was trusted */
	(void)snprintf(sms->state.pin, sizeof(sms->state.pin), "%s", link_seen(link));
	link_close(link);
	if (!sms->state.pin[0])
		return sms_fail(SMS_NO_SERVER, "%s", why);
	(void)fprintf(stderr,
	              "The certificate of %s is not known yet. Its SHA-256 is\n  %s\n"
	              "The server says the same where it runs. Trust it?\n",
	              sms->state.server, sms->state.pin);
	if (secret_ask("yes or no: ", yes, sizeof(yes)) == 0 && strcmp(yes, "yes") == 0)
		return SMS_OK;
	return sms_fail(SMS_NO_SERVER,
	                "not trusted; nothing was sent. Give --pin or --ca, or say yes");
}

/* ---- login ------------------------------------------------------------------------------- */

/* SMS_OK: sms->state has the session. */
static enum sms_exit begin_session(struct sms *sms, const char *name, const char *password,
                                   bool *ret_must_change)
{
	json_t *body = json_pack("{s:s, s:s}", "name", name, "password", password), *data;
	struct link_answer answer;
	enum sms_exit status;
	const char *csrf;

	if (!body)
		return sms_fail(SMS_USAGE, "the name or the password is no UTF-8");
	sms->state.cookie[0] = sms->state.csrf[0] = '\0';
	status = sms_call(sms,
	                  &(struct link_request){.method = "POST", .path = "/login", .body = body},
	                  &answer);
	json_decref(body);
	if (status != SMS_OK)
		return status;
	data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	csrf = json_string_value(json_object_get(data, "csrf"));
	if (csrf && answer.cookie[0] && strlen(csrf) < sizeof(sms->state.csrf)) {
		(void)strcpy(sms->state.csrf, csrf);
		(void)strcpy(sms->state.cookie, answer.cookie);
	} else {
		status = sms_fail(SMS_REFUSED, "the server's answer has no session in it");
	}
	*ret_must_change = json_is_true(json_object_get(data, "must_change"));
	json_decref(data);
	link_answer_fini(&answer);
	return status;
}

enum sms_exit sms_login(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *user = sms_argument(arguments, "user");
	char name[NAME_MAX_LEN], password[PKI_PASSWORD_MAX], why[LINK_TEXT_MAX];
	enum sms_exit status = take_options(sms, arguments);
	bool must_change = false;

	(void)command;
	if (status != SMS_OK)
		return status;
	if (!sms->state.server[0])
		return sms_fail(SMS_USAGE, "which server? sms login --server https://NAME:PORT");
	if (!sms->state.ca[0] && !sms->state.pin[0])
		status = confirm_certificate(sms);
	if (status != SMS_OK)
		return status;
	if (!user && secret_ask("Name: ", name, sizeof(name)) != 0)
		return sms_fail(SMS_USAGE, "there is no terminal to ask on; give --user");
	if (secret_read("Password: ", sms_argument(arguments, "password-file"), false, password) !=
	    0)
		return SMS_USAGE;
	status = begin_session(sms, user ? user : name, password, &must_change);
	OPENSSL_cleanse(password, sizeof(password));
	if (status == SMS_OK && state_save(&sms->state, why) != 0)
		status = sms_fail(SMS_REFUSED, "%s", why);
	if (status == SMS_OK && must_change)
		(void)sms_fail(SMS_OK, "the password has to be changed before anything else: "
		                       "sms password");
	return status;
}

/* The session is gone from here whatever the server says. */
enum sms_exit sms_logout(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	struct link_answer answer;
	enum sms_exit status = SMS_OK;
	char why[LINK_TEXT_MAX];

	(void)command;
	(void)arguments;
	if (!sms->state.cookie[0])
		return sms_fail(SMS_OK, "there is no session");
	status =
	        sms_call(sms, &(struct link_request){.method = "POST", .path = "/logout"}, &answer);
	if (status == SMS_OK)
		link_answer_fini(&answer);
	OPENSSL_cleanse(sms->state.cookie, sizeof(sms->state.cookie));
	OPENSSL_cleanse(sms->state.csrf, sizeof(sms->state.csrf));
	if (state_save(&sms->state, why) != 0)
		return sms_fail(SMS_REFUSED, "%s", why);
	return status;
}

enum sms_exit sms_password(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	char old[PKI_PASSWORD_MAX], new[PKI_PASSWORD_MAX];
	enum sms_exit status;
	json_t *body;

	(void)command;
	if (secret_read("Password now: ", sms_argument(arguments, "password-file"), false, old) !=
	    0)
		return SMS_USAGE;
	if (secret_read("New password: ", sms_argument(arguments, "new-password-file"), true,
	                new) != 0) {
		OPENSSL_cleanse(old, sizeof(old));
		return SMS_USAGE;
	}
	body = json_pack("{s:s, s:s}", "old", old, "new", new);
	OPENSSL_cleanse(old, sizeof(old));
	OPENSSL_cleanse(new, sizeof(new));
	if (!body)
		return sms_fail(SMS_USAGE, "a password is no UTF-8");
	status = sms_call_show(
	        sms,
	        &(struct link_request){.method = "POST", .path = "/me/password", .body = body});
	json_decref(body);
	return status;
}

enum sms_exit sms_whoami(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	(void)command;
	(void)arguments;
	return sms_call_show(sms, &(struct link_request){.method = "GET", .path = "/me"});
}
