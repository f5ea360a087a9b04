using Datum.Providers.DevPlane;

namespace Datum.Providers.Host.Cli;

/// <summary>
/// Datum Cloud's control planes: one for each Organization and each Project, at its present paths and at the older ones of its documents.
/// An Organization's control plane is where its Projects are made.
/// </summary>
internal static class DatumPlanes
{
    private const string Group = "resourcemanager.miloapis.com";
    private const string OlderGroup = "resourcemanager.datumapis.com";

    public static IReadOnlyList<PlaneKind> Kinds { get; } =
    [
        Kind("Organization", "organizations", []),
        Kind("Project", "projects", ["Organization"]),
    ];

    private static PlaneKind Kind(string context, string plural, IReadOnlyList<string> madeIn) => new()
    {
        Context = context,
        TokenField = plural,
        Resources = [new PlaneResource(Group, plural), new PlaneResource(OlderGroup, plural)],
        Paths = [$"/apis/{Group}/v1alpha1/{plural}", $"/apis/{OlderGroup}/v1alpha/{plural}"],
        AlsoMadeIn = madeIn,
    };
}
