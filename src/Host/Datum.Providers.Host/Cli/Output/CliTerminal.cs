using System.Text;

namespace Datum.Providers.Host.Cli;

/// <summary>What a command reads from and writes to; tests put their own here.</summary>
internal sealed record CliTerminal
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Standard input, for <c>-f -</c>.</summary>
    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    /// <summary>Whether results are shown to a person and not piped or stored.</summary>
    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>Reads NO_COLOR and TERM.</summary>
    public Func<string, string?> Variable { get; init; } = _ => null;

    /// <summary>
    /// The process's own streams. They are opened directly: <see cref="Console"/>'s writers may send terminal sequences of their own.
    /// </summary>
    public static CliTerminal OfProcess() => new()
    {
        Out = Writer(Console.OpenStandardOutput()),
        Error = Writer(Console.OpenStandardError()),
        OpenInput = Console.OpenStandardInput,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Variable = Environment.GetEnvironmentVariable,
    };

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
}
