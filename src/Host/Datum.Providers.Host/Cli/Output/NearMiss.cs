namespace Datum.Providers.Host.Cli;

/// <summary>Names that may have been meant.</summary>
internal static class NearMiss
{
    private const int Most = 3;

    /// <summary>The names that are a few slips away from a word or begin with it, nearest first.</summary>
    public static IReadOnlyList<string> Of(string word, IEnumerable<string> names)
    {
        // Longer words have room for more slips.
        var slips = Math.Max(1, word.TrimStart('-').Length / 3);
        return [.. names.Select(n => (Name: n, Distance: Distance(n, word)))
            .Where(n => n.Distance <= slips || (word.Length > 3 && n.Name.StartsWith(word, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal).Take(Most).Select(n => n.Name)];
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
}
