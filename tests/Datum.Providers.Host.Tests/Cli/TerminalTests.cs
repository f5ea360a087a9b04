using Datum.Providers.Testing;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>The program as a process: on a pseudo terminal, and into a pipe.</summary>
public sealed class TerminalTests
{
    private static readonly string s_line = $"dotnet '{CliRun.Program}' drivers list --drivers '{CliRun.DriverVolume}'";

    [TestCase("TERM=xterm", true)]
    [TestCase("TERM=xterm NO_COLOR=1", false)]
    [TestCase("TERM=dumb", false)]
    public async Task Colour_is_where_a_terminal_is_and_nobody_forbids_it(string variables, bool colour)
    {
        using var folder = new ScratchFolder();
        // util-linux' script runs a line on a pseudo terminal and passes on what it shows.
        if ((await CliProcess.RunAsync("command -v script", folder.Path, folder.Path)).Exit != 0)
            throw SharedFolder.Missing("script", "there is no script(1) on PATH; the seam's tests still hold colour");

        var run = await CliProcess.RunAsync($"env {variables} script -qec \"{s_line}\" /dev/null", folder.Path, folder.Path);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.Zero, run.Out);
            Assert.That(run.Out, Does.Contain("simulator"));
            Assert.That(run.Out.Contains($"{CliRun.Escape}[32mReady", StringComparison.Ordinal), Is.EqualTo(colour), run.Out);
        });
    }

    [Test]
    public async Task A_pipe_gets_neither_colour_nor_progress_nor_terminal_sequences()
    {
        using var folder = new ScratchFolder();

        var run = await CliProcess.RunAsync($"TERM=xterm {s_line}", folder.Path, folder.Path);

        Assert.Multiple(() =>
        {
            Assert.That(run.Exit, Is.Zero, run.Error);
            Assert.That(run.Out, Does.StartWith("ID ").And.Not.Contain(CliRun.Escape));
            Assert.That(run.Error, Is.Empty);
        });
    }
}
