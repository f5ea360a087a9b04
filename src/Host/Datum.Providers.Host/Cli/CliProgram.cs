using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Datum.Providers.Host.Cli;

/// <summary>From a command line to an exit code.</summary>
internal static class CliProgram
{
    public static async Task<int> RunAsync(string[] args, CliTerminal terminal, CancellationToken cancellation = default)
    {
        var context = new CliContext(terminal);
        var parsed = Commands.Create(context).Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            UsageErrors.Write(parsed, context.Output(parsed));
            return ExitCodes.Usage;
        }

        // Nothing may write past the terminal, and an error is one sentence, not a stack.
        var configuration = new InvocationConfiguration
        {
            // What is under way at a platform ends, and then the lease is given back: cut off before, the next host would wait for its end.
            ProcessTerminationTimeout = TimeSpan.FromSeconds(10), Output = terminal.Out, Error = terminal.Error, EnableDefaultExceptionHandler = false,
        };
        try
        {
            return await parsed.InvokeAsync(configuration, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            context.Output(parsed).Error($"a defect of this program: {e}");
            return ExitCodes.Failed;
        }
    }

    /// <summary>The root with the options that hold everywhere and help that ends with examples.</summary>
    public static RootCommand Root(string description, CliContext context)
    {
        var root = new RootCommand(description);
        foreach (var option in context.Options)
            root.Options.Add(option);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExamplesHelpAction((HelpAction)help.Action!);
        return root;
    }
}
