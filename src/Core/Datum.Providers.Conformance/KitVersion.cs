namespace Datum.Providers.Conformance;

/// <summary>What a run of the kit is held against.</summary>
public static class KitVersion
{
    /// <summary>The contract that the kit's cases quote.</summary>
    public static Version Contract => Providers.Contract.Version;
}
