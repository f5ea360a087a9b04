using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary>What every command shares: the terminal and the options that hold everywhere.</summary>
internal sealed class CliContext(CliTerminal terminal)
{
    private readonly Option<OutputFormat> _output = Choice("--output", "-o", "Form of the result.", new Dictionary<string, OutputFormat> { ["text"] = OutputFormat.Text, ["json"] = OutputFormat.Json });
    private readonly Option<ColorMode> _color = Choice("--color", null, "Colour; auto is where a terminal shows the output, unless NO_COLOR is set or TERM is dumb.",
        new Dictionary<string, ColorMode> { ["auto"] = ColorMode.Auto, ["always"] = ColorMode.Always, ["never"] = ColorMode.Never });

    public CliTerminal Terminal { get; } = terminal;

    /// <summary>The options that every command has.</summary>
    public IEnumerable<Option> Options => [_output, _color];

    public IConsoleOutput Output(ParseResult result) =>
        // Where the command line is wrong, the values may be the wrong part of it.
        new ConsoleOutput(Terminal, ValueOr(result, _output, OutputFormat.Text), ValueOr(result, _color, ColorMode.Auto));

    /// <summary>An option that takes one of a few words.</summary>
    public static Option<T> Choice<T>(string name, string? alias, string description, Dictionary<string, T> words) where T : struct
    {
        var option = new Option<T>(name, alias is null ? [] : [alias])
        {
            Description = $"{description} One of {string.Join(", ", words.Keys)}; default {words.Keys.First()}.",
            HelpName = string.Join("|", words.Keys),
            Recursive = true,
            CustomParser = found =>
            {
                var word = found.Tokens.Single().Value;
                if (words.TryGetValue(word, out var value))
                    return value;
                found.AddError($"{name} '{word}': must be {string.Join(" or ", words.Keys)}.");
                return default;
            },
        };
        option.CompletionSources.Add([.. words.Keys]);
        return option;
    }

    private static T ValueOr<T>(ParseResult result, Option<T> option, T other) =>
        result.GetResult(option) is { Implicit: false } found && !found.Errors.Any() ? found.GetValueOrDefault<T>() : other;
}
