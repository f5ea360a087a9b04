using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>How an image is written in the ProviderConfig: a template by number, tag or name, a file of a storage to import, or an address to download one from.</summary>
internal sealed record ImageName
{
    public const string Forms = "a machine number, tag:TAG, name:NAME, STORAGE:import/FILE or https://HOST/FILE#sha256=HEX (or sha512)";

    public int? VmId { get; init; }
    public string? Tag { get; init; }
    public string? Name { get; init; }

    /// <summary><c>STORAGE:import/FILE</c>.</summary>
    public string? Volume { get; init; }

    /// <summary>Where the platform downloads it from.</summary>
    public ImageUrl? Url { get; init; }

    public static bool TryParse(string text, out ImageName image)
    {
        image = new ImageName();
        if (VmIds.Parse(text.StartsWith("vm/", StringComparison.Ordinal) ? text : "vm/" + text) is { } number)
            image = new ImageName { VmId = number };
        else if (text.StartsWith("tag:", StringComparison.Ordinal) && text.Length > 4)
            image = new ImageName { Tag = text[4..] };
        else if (text.StartsWith("name:", StringComparison.Ordinal) && text.Length > 5)
            image = new ImageName { Name = text[5..] };
        else if (ImageUrl.TryParse(text) is { } url)
            image = new ImageName { Url = url };
        else if (text.Split(':') is [{ Length: > 0 }, { Length: > 0 } path] && path.Contains('/', StringComparison.Ordinal) && !path.StartsWith("//", StringComparison.Ordinal)
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '/' or '-' or '_' or '.' or '+'))
            image = new ImageName { Volume = text };
        else
            return false;
        return true;
    }

    public IEnumerable<Guest> Templates(ClusterView view) => view.Guests.Where(g => g is { Template: true, IsMachine: true }
        && (VmId is { } number ? g.VmId == number : Tag is { } tag ? g.Tags.Contains(tag) : Name is { } name && g.Name == name));
}

/// <summary>
/// An image at an address, with the checksum of its file: <c>https://HOST/FILE#sha256=HEX</c>. At the platform the file is named by its checksum, so
/// that it is found again and what bears that name has those bytes.
/// </summary>
internal sealed record ImageUrl(string Address, string Algorithm, string Checksum, string Format)
{
    private const int MaxLength = 700;

    public string File => $"datum-{Algorithm}-{Checksum[..32]}.{Format}";

    /// <summary>As it is recorded.</summary>
    public string Text => $"{Address}#{Algorithm}={Checksum}";

    public static ImageUrl? TryParse(string? text)
    {
        if (text is null || text.Length > MaxLength || text.Split('#') is not [var address, var sum] || sum.Split('=') is not [("sha256" or "sha512") and var algorithm, var hex]
            || hex.Length != (algorithm == "sha256" ? 64 : 128) || !hex.All(char.IsAsciiHexDigit)
            || !Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps || uri.UserInfo.Length > 0 || address.Any(c => c is <= ' ' or > '~'))
            return null;
        // Clouds call their qcow2 images .img.
        var format = uri.AbsolutePath[(uri.AbsolutePath.LastIndexOf('.') + 1)..].ToLowerInvariant() switch { "qcow2" or "img" => "qcow2", "raw" => "raw", "vmdk" => "vmdk", _ => null };
        return format is null ? null : new ImageUrl(address, algorithm, hex.ToLowerInvariant(), format);
    }
}
