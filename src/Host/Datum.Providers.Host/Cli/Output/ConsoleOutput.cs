using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Host.Cli;

/// <inheritdoc cref="IConsoleOutput"/>
internal sealed class ConsoleOutput(CliTerminal terminal, OutputFormat format, ColorMode color) : IConsoleOutput
{
    private const string EraseLine = "\r\u001b[K";

    private readonly Palette _result = new(UsesColor(terminal, terminal.OutIsTerminal, color));
    private readonly Palette _error = new(UsesColor(terminal, terminal.ErrorIsTerminal, color));
    private bool _progressShown;

    public OutputFormat Format { get; } = format;

    public void Result<T>(T result, JsonTypeInfo<T> type, Action<T, TextResult> text)
    {
        ClearProgress();
        if (Format == OutputFormat.Json)
            terminal.Out.WriteLine(JsonSerializer.Serialize(result, type));
        else
            text(result, new TextResult(terminal.Out, _result));
        terminal.Out.Flush();
    }

    public void Message(string text) => Say(text);

    public void Warning(string text) => Say($"{_error.Paint(Tone.Warning, "warning:")} {text}");

    public void Error(string text) => Say($"{_error.Paint(Tone.Bad, "error:")} {text}");

    public void Progress(string text)
    {
        // A terminal that can't erase a line would collect them all.
        if (!terminal.ErrorIsTerminal || IsDumb(terminal))
            return;
        terminal.Error.Write(EraseLine + _error.Paint(Tone.Dim, text));
        terminal.Error.Flush();
        _progressShown = true;
    }

    /// <summary>Whether colour goes to a stream: by order, or where a person looks at it and neither NO_COLOR nor a dumb terminal forbids it.</summary>
    public static bool UsesColor(CliTerminal terminal, bool isTerminal, ColorMode color) => color switch
    {
        ColorMode.Always => true,
        ColorMode.Never => false,
        _ => isTerminal && string.IsNullOrEmpty(terminal.Variable("NO_COLOR")) && !IsDumb(terminal),
    };

    private static bool IsDumb(CliTerminal terminal) => terminal.Variable("TERM") == "dumb";

    private void Say(string text)
    {
        ClearProgress();
        terminal.Error.WriteLine(text);
        terminal.Error.Flush();
    }

    private void ClearProgress()
    {
        if (!_progressShown)
            return;
        _progressShown = false;
        terminal.Error.Write(EraseLine);
        terminal.Error.Flush();
    }
}
