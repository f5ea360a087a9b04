using System.CommandLine;
using System.CommandLine.Parsing;

namespace Datum.Providers.Host.Cli;

/// <summary>What is wrong with a command line, what was found and what may have been meant.</summary>
internal static class UsageErrors
{
    public static void Write(ParseResult parsed, IConsoleOutput output)
    {
        var path = PathOf(parsed.CommandResult);
        if (parsed.UnmatchedTokens.Count > 0)
        {
            // What follows a word that isn't known can't be read either: the first one is what to mend.
            var word = parsed.UnmatchedTokens[0];
            var near = Near(word, parsed.CommandResult);
            output.Error($"'{word}' is neither a command nor an option of '{path}'.{(near.Count == 0 ? "" : $" Did you mean {string.Join(" or ", near)}?")}");
        }

        foreach (var message in parsed.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal).Where(m => parsed.UnmatchedTokens.Count == 0 || IsAboutAnOption(m)))
            output.Error(message);
        output.Message($"See: {path} --help");
    }

    private static bool IsAboutAnOption(string message) => message.StartsWith("--", StringComparison.Ordinal) || message.StartsWith("Option '", StringComparison.Ordinal);

    private static List<string> Near(string word, CommandResult command)
    {
        List<string> names = [.. command.Command.Subcommands.Select(c => c.Name)];
        for (var at = command; at is not null; at = at.Parent as CommandResult)
            names.AddRange(at.Command.Options.Where(o => at == command || o.Recursive).Select(o => o.Name));
        // Longer words have room for more slips.
        var slips = Math.Max(1, word.TrimStart('-').Length / 3);
        return [.. names.Where(n => n.StartsWith('-') == word.StartsWith('-') && (Distance(n, word) <= slips || (word.Length > 3 && n.StartsWith(word, StringComparison.OrdinalIgnoreCase))))
            .OrderBy(n => Distance(n, word)).ThenBy(n => n, StringComparer.Ordinal).Take(3)];
    }

    /// <summary>Letters to add, drop or change (Levenshtein).</summary>
    internal static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                (diagonal, row[j]) = (row[j], Math.Min(change, Math.Min(row[j], row[j - 1]) + 1));
            }
        }

        return row[b.Length];
    }

    private static string PathOf(CommandResult result) => result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "datum-providers";
}
