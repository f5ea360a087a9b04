namespace Datum.Providers.Host.Cli;

/// <summary>What the program's end tells a script.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>The command ran and what it looked at, or what it tried, isn't well.</summary>
    public const int Failed = 1;

    /// <summary>The command line itself is wrong: nothing was done.</summary>
    public const int Usage = 2;
}

/// <summary>Ends a command with one sentence on standard error: what was found and what to do.</summary>
internal sealed class CliException(string message, int exitCode = ExitCodes.Failed) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
