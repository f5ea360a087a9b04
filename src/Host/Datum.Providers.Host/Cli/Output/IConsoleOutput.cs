using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Host.Cli;

/// <summary>Form of a command's result (<c>-o</c>).</summary>
internal enum OutputFormat
{
    Text = 0,
    Json = 1,
}

/// <summary>When to use colour (<c>--color</c>).</summary>
internal enum ColorMode
{
    Auto = 0,
    Always = 1,
    Never = 2,
}

/// <summary>
/// Where a command's words go: its one result to standard output, everything else to standard error. In JSON the result is one document
/// without colour; as text it is what the command writes.
/// </summary>
internal interface IConsoleOutput
{
    OutputFormat Format { get; }

    /// <summary>Writes the result: as JSON by <paramref name="type"/>, or as text by <paramref name="text"/>.</summary>
    void Result<T>(T result, JsonTypeInfo<T> type, Action<T, TextResult> text);

    /// <summary>A sentence to the person, to standard error.</summary>
    void Message(string text);

    /// <summary>Something that deserves a look, to standard error.</summary>
    void Warning(string text);

    /// <summary>Why the command fails, to standard error.</summary>
    void Error(string text);

    /// <summary>What is being done right now; shown only where standard error is a terminal, and gone with the next output.</summary>
    void Progress(string text);
}
