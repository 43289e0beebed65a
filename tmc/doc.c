/* SPDX-License-Identifier: Apache-2.0 */
/* Documentation out of the table of commands. */
#include <stdio.h>
#include <string.h>

#include "lib/cli/doc.h"
#include "tmc/tmc.h"

static void print_commands(void)
{
	(void)printf(
	        "# tmc: commands\n\n"
	        "Made from `tmc/command.def` by `tmc --doc commands`; a test holds the two "
	        "together.\n\n"
	        "`tmc` makes, signs and publishes packages: what comes to devices from outside "
	        "their configuration. `tmc key new FILE` makes the key; it stays where packages "
	        "are made, and its public half goes to the SMS (`sms package-key add`) and, for "
	        "boxes without one, into `device.package_keys`. `make` takes `--key` and "
	        "`--output` (`-o`); with SOURCE_DATE_EPOCH set the same input makes the same "
	        "package.\n\n"
	        "Exit status: 0 done, 1 refused, 2 usage.\n\n"
	        "| command | what |\n|---|---|\n");
	for (size_t i = 0; i < tmc_commands.count; i++) {
		(void)printf("| ");
		cli_doc_usage(&tmc_commands.commands[i]);
		(void)printf(" | %s |\n", tmc_commands.commands[i].help);
	}
}

static void print_man(void)
{
	(void)printf(".TH TMC 1 \"\" \"Sluice\" \"User Commands\"\n.SH NAME\ntmc \\- makes, signs "
	             "and publishes Sluice packages\n.SH SYNOPSIS\n.B tmc\n"
	             "[\\fB\\-\\-json\\fR] \\fICOMMAND\\fR...\n.SH DESCRIPTION\n"
	             "Packages bring devices what is no configuration: default CA certificates, "
	             "categories, the recommended decryption policy. Each is signed by a key that "
	             "stays where packages are made.\n.SH OPTIONS\n"
	             ".TP\n\\fB\\-j\\fR, \\fB\\-\\-json\\fR\nPrints the record instead of text; "
	             "also behind the command.\n.SH COMMANDS\n");
	cli_doc_man(&tmc_commands, "");
	(void)printf(".SH EXIT STATUS\n0 done, 1 refused, 2 usage.\n"
	             ".SH ENVIRONMENT\n.TP\nSOURCE_DATE_EPOCH\nWhen a package says that it was "
	             "made, in seconds since 1970.\n.SH SEE ALSO\nsms(1), tps(1)\n");
}

enum tmc_exit tmc_print_doc(const char *what)
{
	if (strcmp(what, "commands") == 0)
		print_commands();
	else if (strcmp(what, "man") == 0)
		print_man();
	else
		return TMC_USAGE;
	return TMC_OK;
}
