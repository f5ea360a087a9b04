using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Datum.Providers.Host.Loader;

/// <summary>driver.json, checked field by field. Reading it runs no code of the driver.</summary>
public sealed partial record DriverManifest
{
    /// <summary>The only format that this host reads.</summary>
    public const int SupportedFormat = 1;

    internal const int MaxBytes = 1024 * 1024;

    private DriverManifest()
    {
    }

    public required string Id { get; init; }

    public required string Version { get; init; }

    /// <summary>The oldest contract that it runs on.</summary>
    public required Version ContractMin { get; init; }

    /// <summary>The newest contract that it runs on; a minor of <see cref="int.MaxValue"/> stands for every minor.</summary>
    public required Version ContractMax { get; init; }

    public required string LocationKey { get; init; }

    /// <summary>A file in <see cref="Files"/> at the top of the folder.</summary>
    public required string EntryAssembly { get; init; }

    /// <summary>Full name of the type that implements <see cref="IDriverFactory"/>.</summary>
    public required string EntryType { get; init; }

    /// <summary>E.g. 10.0 for <c>net10.0</c>.</summary>
    public required Version Framework { get; init; }

    /// <summary>Every file of the folder but driver.json and its signature: relative path with <c>/</c>, SHA-256 in lower-case hex.</summary>
    public required ImmutableSortedDictionary<string, string> Files { get; init; }

    /// <summary>SHA-256 of the bytes of driver.json, in lower-case hex. It stands for the whole driver, since the manifest holds every other digest.</summary>
    public required string Digest { get; init; }

    /// <summary>Reads and checks; throws <see cref="FormatException"/> whose message begins with the field.</summary>
    public static DriverManifest Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes)
            throw new FormatException($"the file has {json.Length} bytes, more than {MaxBytes}.");
        ManifestDocument document;
        try
        {
            // Asked first: a newer format may well have fields that this one doesn't know.
            if (JsonSerializer.Deserialize(json, ManifestFormatJson.Default.ManifestFormat)?.FormatVersion is > SupportedFormat and var newer)
                throw new FormatException($"formatVersion: is {newer}; this host reads {SupportedFormat}. Take the driver's release for this host, or a newer host.");
            document = JsonSerializer.Deserialize(json, ManifestJson.Default.ManifestDocument) ?? throw new FormatException("the file holds null, not an object.");
        }
        catch (JsonException e)
        {
            throw new FormatException($"{Field(e.Path)}: {Plain(e)}");
        }

        if (document.FormatVersion is null)
            throw Missing("formatVersion");
        if (document.FormatVersion != SupportedFormat)
            throw new FormatException($"formatVersion: is {document.FormatVersion}; this host reads {SupportedFormat}.");
        var contract = document.Contract ?? throw Missing("contract");
        var files = Checked(document.Files ?? throw Missing("files"));
        var entry = Text(document.EntryAssembly, "entryAssembly", FileName(), "must be the name of a .dll in the driver's folder, without a path");
        if (!files.ContainsKey(entry))
            throw new FormatException($"entryAssembly: {entry} isn't in files.");
        var min = ContractVersion(contract.Min, "contract.min", wildcard: false);
        var max = ContractVersion(contract.Max, "contract.max", wildcard: true);
        if (max < min)
            throw new FormatException($"contract: min {contract.Min} is above max {contract.Max}.");
        return new DriverManifest
        {
            Id = Text(document.Id, "id", IdPattern(), "must be 1 to 40 of a-z, 0-9 and -"),
            Version = Text(document.Version, "version", VersionPattern(), "must be a semantic version such as 1.2.3"),
            ContractMin = min,
            ContractMax = max,
            LocationKey = Text(document.LocationKey, "locationKey", KeyPattern(), "must be 1 to 63 of letters, digits and -, beginning with a letter"),
            EntryAssembly = entry,
            EntryType = Text(document.EntryType, "entryType", TypePattern(), "must be the full name of a type, such as Example.Drivers.MyDriverFactory"),
            Framework = FrameworkVersion(document.TargetFramework),
            Files = files,
            Digest = Convert.ToHexStringLower(SHA256.HashData(json)),
        };
    }

    private static ImmutableSortedDictionary<string, string> Checked(Dictionary<string, string?> files)
    {
        if (files.Count == 0)
            throw new FormatException("files: is empty; every file of the driver must be listed with its SHA-256.");
        var folded = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var checkedFiles = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (path, digest) in files)
        {
            if (PathFault(path) is { } fault)
                throw new FormatException($"files['{path}']: {fault}.");
            if (!folded.TryAdd(path, path))
                throw new FormatException($"files['{path}']: differs from '{folded[path]}' by case only; one of them would be lost on other systems.");
            if (digest is null || !DigestPattern().IsMatch(digest))
                throw new FormatException($"files['{path}']: the value must be a SHA-256 in 64 lower-case hex digits.");
            checkedFiles.Add(path, digest);
        }

        return checkedFiles.ToImmutable();
    }

    private static string? PathFault(string path)
    {
        if (path.Length is 0 or > 1024)
            return "a path must have 1 to 1024 characters";
        if (path[0] == '/' || path.Contains(':', StringComparison.Ordinal))
            return "a path must be relative to the driver's folder";
        if (path.Contains('\\', StringComparison.Ordinal))
            return "a path must use / between folders";
        foreach (var c in path)
            if (char.IsControl(c))
                return "a path must not hold control characters";
        foreach (var part in path.Split('/'))
            if (part is "" or "." or "..")
                return "a path must not hold empty parts, . or ..";
        if (string.Equals(path, DriverFinder.ManifestName, StringComparison.OrdinalIgnoreCase))
            return "the manifest can't hold its own digest; leave it out";
        return string.Equals(path, DriverSignature.FileName, StringComparison.OrdinalIgnoreCase)
            ? "the manifest can't hold the digest of its own signature; leave it out"
            : null;
    }

    private static string Text(string? value, string field, Regex pattern, string rule)
    {
        if (value is null)
            throw Missing(field);
        return pattern.IsMatch(value) ? value : throw new FormatException($"{field}: '{value}' {rule}.");
    }

    private static Version ContractVersion(string? value, string field, bool wildcard)
    {
        if (value is null)
            throw Missing(field);
        var match = ContractPattern().Match(value);
        if (!match.Success || (!match.Groups[2].Success && !wildcard))
            throw new FormatException($"{field}: '{value}' must be major.minor{(wildcard ? ", or a major alone for all its minors" : "")}.");
        var minor = match.Groups[2].Success ? int.Parse(match.Groups[2].ValueSpan, null) : int.MaxValue;
        return new Version(int.Parse(match.Groups[1].ValueSpan, null), minor);
    }

    private static Version FrameworkVersion(string? value)
    {
        if (value is null)
            throw Missing("targetFramework");
        var match = FrameworkPattern().Match(value);
        return match.Success
            ? new Version(int.Parse(match.Groups[1].ValueSpan, null), int.Parse(match.Groups[2].ValueSpan, null))
            : throw new FormatException($"targetFramework: '{value}' must be netN.N, such as net10.0.");
    }

    private static FormatException Missing(string field) => new($"{field}: is missing.");

    private static string Field(string? path) => path switch
    {
        null or "" or "$" => "the file",
        _ when path.StartsWith("$.", StringComparison.Ordinal) => path[2..],
        _ when path.StartsWith('$') => path[1..],
        _ => path,
    };

    private static string Plain(JsonException e)
    {
        var at = $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
        if (e.InnerException is JsonException)
            return $"isn't JSON ({at}).";
        if (e.Message.Contains("could not be mapped", StringComparison.Ordinal))
            return $"isn't a field of format {SupportedFormat} ({at}).";
        return e.Message.Contains("uplicate", StringComparison.Ordinal) ? $"stands there twice ({at})." : $"has a value of the wrong type ({at}).";
    }

    [GeneratedRegex("^[a-z0-9-]{1,40}\\z")]
    private static partial Regex IdPattern();

    [GeneratedRegex("^[0-9]{1,9}\\.[0-9]{1,9}\\.[0-9]{1,9}(-[0-9A-Za-z.-]{1,64})?(\\+[0-9A-Za-z.-]{1,64})?\\z")]
    private static partial Regex VersionPattern();

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9-]{0,62}\\z")]
    private static partial Regex KeyPattern();

    [GeneratedRegex("^[^/\\\\:]{1,250}\\.dll\\z")]
    private static partial Regex FileName();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*([.+][A-Za-z_][A-Za-z0-9_]*)*\\z")]
    private static partial Regex TypePattern();

    [GeneratedRegex("^([0-9]{1,4})(?:\\.([0-9]{1,4}))?\\z")]
    private static partial Regex ContractPattern();

    [GeneratedRegex("^net([0-9]{1,3})\\.([0-9]{1,3})\\z")]
    private static partial Regex FrameworkPattern();

    [GeneratedRegex("^[0-9a-f]{64}\\z")]
    private static partial Regex DigestPattern();
}

/// <summary>The file's form; everything nullable, so that a missing field can be named.</summary>
internal sealed class ManifestDocument
{
    public int? FormatVersion { get; set; }

    public string? Id { get; set; }

    public string? Version { get; set; }

    public ManifestContract? Contract { get; set; }

    public string? LocationKey { get; set; }

    public string? EntryAssembly { get; set; }

    public string? EntryType { get; set; }

    public string? TargetFramework { get; set; }

    public Dictionary<string, string?>? Files { get; set; }
}

/// <summary>The one field that every format has.</summary>
internal sealed class ManifestFormat
{
    public int? FormatVersion { get; set; }
}

internal sealed class ManifestContract
{
    public string? Min { get; set; }

    public string? Max { get; set; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    MaxDepth = 4)]
[JsonSerializable(typeof(ManifestDocument))]
internal sealed partial class ManifestJson : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 16)]
[JsonSerializable(typeof(ManifestFormat))]
internal sealed partial class ManifestFormatJson : JsonSerializerContext;
