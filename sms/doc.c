/* SPDX-License-Identifier: Apache-2.0 */
/* Documentation out of the table of commands. */
#include <stdio.h>
#include <string.h>

#include "lib/cli/doc.h"
#include "sms/sms.h"

static void print_commands(void)
{
	(void)printf(
	        "# sms: commands\n\n"
	        "Made from `sms/command.def` by `sms --doc commands`; a test holds the two "
	        "together.\n\n"
	        "`sms login --server https://NAME:PORT` begins a session with the management "
	        "system. Its certificate is verified by `--ca FILE`, or by its SHA-256 "
	        "(`--pin`); without both, the first login shows the SHA-256 and asks. The session "
	        "is kept in `$XDG_STATE_HOME/sluice/sms.json` (`~/.local/state` without it), which "
	        "only you may read. Scripts take a token instead (`sms token make`), in "
	        "`SLUICE_TOKEN`.\n\n"
	        "`--json` prints the record that the text is made of. Passwords come from the "
	        "terminal or from a file, never from the command line.\n\n"
	        "Exit status: 0 done, 1 refused, 2 usage, 3 no server (or one that is not "
	        "trusted), 4 not permitted.\n\n"
	        "| command | what |\n|---|---|\n");
	for (size_t i = 0; i < sms_commands.count; i++) {
		(void)printf("| ");
		cli_doc_usage(&sms_commands.commands[i]);
		(void)printf(" | %s |\n", sms_commands.commands[i].help);
	}
}

static void print_man(void)
{
	(void)printf(
	        ".TH SMS 1 \"\" \"Sluice\" \"User Commands\"\n.SH NAME\nsms \\- command line of "
	        "the "
	        "Sluice management system\n.SH SYNOPSIS\n.B sms\n[\\fB\\-\\-server\\fR "
	        "\\fIURL\\fR] "
	        "[\\fB\\-\\-ca\\fR \\fIFILE\\fR | \\fB\\-\\-pin\\fR \\fISHA256\\fR] "
	        "[\\fB\\-\\-json\\fR] \\fICOMMAND\\fR...\n.SH DESCRIPTION\n"
	        "Shows and changes what the management system has, over its API. Begin with "
	        "\\fBsms login\\fR; a token in SLUICE_TOKEN stands for a session.\n.SH OPTIONS\n"
	        ".TP\n\\fB\\-s\\fR, \\fB\\-\\-server\\fR \\fIURL\\fR\nhttps://NAME:PORT; the one "
	        "logged in to unless said otherwise.\n"
	        ".TP\n\\fB\\-a\\fR, \\fB\\-\\-ca\\fR \\fIFILE\\fR\nCertificates that the server's "
	        "has to verify by.\n"
	        ".TP\n\\fB\\-p\\fR, \\fB\\-\\-pin\\fR \\fISHA256\\fR\nThe SHA-256 of the server's "
	        "certificate; no other is trusted.\n"
	        ".TP\n\\fB\\-j\\fR, \\fB\\-\\-json\\fR\nPrints the record instead of text; also "
	        "behind the command.\n.SH COMMANDS\n");
	cli_doc_man(&sms_commands, "");
	(void)printf(
	        ".SH EXIT STATUS\n0 done, 1 refused, 2 usage, 3 no server, 4 not permitted.\n"
	        ".SH ENVIRONMENT\n.TP\nSLUICE_TOKEN\nA token, instead of a session.\n"
	        ".SH FILES\n$XDG_STATE_HOME/sluice/sms.json: the server, what verifies it, and the "
	        "session.\n.SH SEE ALSO\ntps(1)\n");
}

enum sms_exit sms_print_doc(const char *what)
{
	if (strcmp(what, "commands") == 0)
		print_commands();
	else if (strcmp(what, "man") == 0)
		print_man();
	else
		return SMS_USAGE;
	return SMS_OK;
}
