using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Datum.Providers.Host.Cli;

/// <summary>A line that works as it stands, and what it is for.</summary>
internal sealed record CliExample(string CommandLine, string Purpose);

/// <summary>A command whose help ends with examples.</summary>
internal sealed class CliCommand(string name, string description, params CliExample[] examples) : Command(name, description)
{
    public IReadOnlyList<CliExample> Examples { get; } = examples;

    /// <summary>The command's work. What a person can mend is thrown as <see cref="CliException"/> and becomes one line on standard error.</summary>
    public CliCommand Does(CliContext context, Func<ParseResult, IConsoleOutput, CancellationToken, Task<int>> work)
    {
        SetAction(async (result, cancellation) =>
        {
            var output = context.Output(result);
            try
            {
                return await work(result, output, cancellation);
            }
            catch (CliException e)
            {
                output.Error(e.Message);
                return e.ExitCode;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                output.Error(e.Message);
                return ExitCodes.Failed;
            }
        });
        return this;
    }

    public CliCommand Does(CliContext context, Func<ParseResult, IConsoleOutput, int> work) =>
        Does(context, (result, output, _) => Task.FromResult(work(result, output)));
}

/// <summary>The library's help, then the examples.</summary>
internal sealed class ExamplesHelpAction(HelpAction inner) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var exit = inner.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not CliCommand { Examples.Count: > 0 } command)
            return exit;
        var writer = parseResult.InvocationConfiguration.Output;
        writer.WriteLine("Examples:");
        foreach (var example in command.Examples)
        {
            writer.WriteLine($"  # {example.Purpose}");
            writer.WriteLine($"  {example.CommandLine}");
        }

        writer.WriteLine();
        return exit;
    }
}
