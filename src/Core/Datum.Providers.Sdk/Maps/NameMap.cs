namespace Datum.Providers.Sdk;

/// <summary>Datum names to a platform's own: images, disk types. The ProviderConfig's entries win over the driver's.</summary>
public sealed class NameMap
{
    private readonly string _what;
    private readonly string _setting;
    private readonly ImmutableDictionary<string, string> _own;
    private readonly ImmutableDictionary<string, string> _configured;

    private NameMap(string what, string setting, ImmutableDictionary<string, string> own, ImmutableDictionary<string, string> configured)
    {
        _what = what;
        _setting = setting;
        _own = own;
        _configured = configured;
    }

    /// <summary>Boot images: the driver's own table, and <see cref="Connection.Images"/> over it.</summary>
    public static NameMap Images(ImmutableDictionary<string, string> own, Connection connection) => new("image", "images", own, connection.Images);

    /// <summary>Disk types: the driver's own table, and <see cref="Connection.DiskTypes"/> over it.</summary>
    public static NameMap DiskTypes(ImmutableDictionary<string, string> own, Connection connection) => new("disk type", "diskTypes", own, connection.DiskTypes);

    /// <summary>Every Datum name that has a counterpart, in order.</summary>
    public ImmutableArray<string> Names => [.. _own.Keys.Union(_configured.Keys).Order(StringComparer.Ordinal)];

    /// <summary>The platform's name, or a finding (Unsupported) that says which names there are and where to add one.</summary>
    /// <param name="name">The Datum name.</param>
    /// <param name="path">The field, e.g. <c>volumes[boot].disk.image</c>.</param>
    public MapResult<string> Find(string name, string path)
    {
        if ((_configured.GetValueOrDefault(name) ?? _own.GetValueOrDefault(name)) is { Length: > 0 } native)
            return new MapResult<string> { Value = native };
        var known = Names;
        return new MapResult<string>
        {
            Finding = new Finding
            {
                Path = path,
                Message = $"The {_what} '{name}' has no counterpart at the platform. Add it to '{_setting}' of the ProviderConfig"
                    + (known.IsEmpty ? "." : $", or use one of {string.Join(", ", known)}."),
            },
        };
    }

    /// <summary>As the other, where no wish is fine: a null name gives <paramref name="standard"/>, and null when that is null too.</summary>
    public MapResult<string> Find(string? name, string? standard, string path) => name is null ? new MapResult<string> { Value = standard } : Find(name, path);
}
