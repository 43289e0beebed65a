/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL says, as a code of ours; and statements that need no more than that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/store/postgresql_priv.h"

/* By the beginning of SQLSTATE (PostgreSQL's manual, appendix A); the first that fits counts. */
static const struct {
	const char *state;
	int code;
} codes[] = {
        {"23505", SL_EEXIST},                    /* unique_violation */
        {"23503", SL_EEXIST},                    /* foreign_key_violation */
        {"23", SL_EINVAL},                       /* other constraints */
        {"22", SL_EINVAL},                       /* data exceptions */
        {"42", SL_EINVAL},                       /* syntax, unknown names, rights */
        {"53100", SL_EFULL},                     /* disk_full */
        {"53200", SL_ENOMEM}, {"53", SL_EAGAIN}, /* too many connections */
        {"54", SL_ERANGE},                       /* limits of the program */
        {"08", SL_EAGAIN},                       /* connection */
        {"57", SL_EAGAIN},                       /* cancelled, shut down, starting */
        {"40", SL_EAGAIN},                       /* serialization, deadlock */
        {"55", SL_EAGAIN},                       /* in use */
        {"25006", SL_EAGAIN},                    /* a standby: writes are elsewhere */
};

static int code_of_state(const char *state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(codes); i++)
		if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0)
			return codes[i].code;
	return SL_EIO;
}

static int code_of(PGconn *pg, const PGresult *result)
{
	const char *state;

	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_COPY_IN:
		return 0;
	default:
		break;
	}
	if (postgresql_is_lost(pg))
		return SL_EAGAIN;
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state ? code_of_state(state) : SL_ENOMEM;
}

void postgresql_said(PGconn *pg, const PGresult *result, char ret_text[POSTGRESQL_TEXT_MAX])
{
	const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	size_t len;

	if (!said)
		said = pg ? PQerrorMessage(pg) : "";
	(void)snprintf(ret_text, POSTGRESQL_TEXT_MAX, "%s", said);
	for (char *c = ret_text; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	len = strlen(ret_text);
	while (len > 0 && ret_text[len - 1] == ' ')
		ret_text[--len] = '\0';
}

/* The writer tells of a full disk, and the database of being away, once each. */
int postgresql_code(PGconn *pg, const PGresult *result, const char *what)
{
	char said[POSTGRESQL_TEXT_MAX];
	int code = code_of(pg, result);

	if (code != 0 && code != SL_EEXIST && code != SL_EFULL && code != SL_EAGAIN) {
		postgresql_said(pg, result, said);
		log_error("store: %s: %s", what, said);
	}
	return code;
}

int postgresql_problem(PGconn *pg, const PGresult *result, const char *what,
                       struct problem *problem)
{
	char said[POSTGRESQL_TEXT_MAX];
	int code = code_of(pg, result);

	if (code == 0)
		return 0;
	postgresql_said(pg, result, said);
	return problem_add(problem, code, "",
	                   code == SL_EFULL ? "make room on the database's disk" : "",
	                   "%s: the database: %s", what, said);
}

int postgresql_run_text(PGconn *pg, const char *text)
{
	PGresult *result = PQexec(pg, text);
	int code = postgresql_code(pg, result, text);

	PQclear(result);
	return code;
}

int postgresql_number(PGconn *pg, const char *text, int64_t otherwise, int64_t *ret_number)
{
	PGresult *result = PQexec(pg, text);
	int code = postgresql_code(pg, result, text);

	if (code == 0)
		*ret_number = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)
		                      ? strtoll(PQgetvalue(result, 0, 0), NULL, 10)
		                      : otherwise;
	PQclear(result);
	return code;
}

void postgresql_put_integer(int64_t value, char ret_bytes[8])
{
	uint64_t bits = (uint64_t)value;

	for (int i = 7; i >= 0; i--, bits >>= 8)
		ret_bytes[i] = (char)(bits & 0xff);
}

int64_t postgresql_get_integer(const char *bytes, int len)
{
	uint64_t bits = len > 0 && (bytes[0] & 0x80) ? UINT64_MAX : 0;

	for (int i = 0; i < len; i++)
		bits = bits << 8 | (unsigned char)bytes[i];
	return (int64_t)bits;
}
