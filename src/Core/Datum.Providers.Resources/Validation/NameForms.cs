using System.Text.RegularExpressions;

namespace Datum.Providers.Resources.Validation;

/// <summary>Forms of names, as Kubernetes defines them.</summary>
public static partial class NameForms
{
    /// <summary>RFC 1123: 1 to 63 of a-z, 0-9 and '-', at the ends no '-'.</summary>
    public static bool IsDnsLabel(string? name) => name is { Length: >= 1 and <= 63 } && Label().IsMatch(name);

    /// <summary>RFC 6335: 1 to 15 of a-z, 0-9 and '-', with a letter, at the ends no '-' and never two of them.</summary>
    public static bool IsServiceName(string? name) =>
        name is { Length: >= 1 and <= 15 } && Label().IsMatch(name) && name.Any(char.IsAsciiLetterLower) && !name.Contains("--", StringComparison.Ordinal);

    /// <summary>A name of a variable in C.</summary>
    public static bool IsIdentifier(string name) => Identifier().IsMatch(name);

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Identifier();
}
