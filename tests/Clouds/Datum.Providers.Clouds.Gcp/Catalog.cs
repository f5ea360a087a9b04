using System.Globalization;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>What the platform offers: places, sizes, disk types and public images. A handful of each, with the platform's own names and numbers.</summary>
internal static class Catalog
{
    public static ImmutableArray<string> Regions { get; } = ["europe-west1", "us-central1"];

    public static ImmutableArray<string> Zones { get; } = ["europe-west1-b", "us-central1-a", "us-central1-b"];

    /// <summary>Processors and mebibytes.</summary>
    public static ImmutableSortedDictionary<string, (int Cpus, int MemoryMb)> MachineTypes { get; } = new Dictionary<string, (int, int)>
    {
        ["e2-micro"] = (2, 1024), ["e2-standard-2"] = (2, 8192), ["e2-standard-4"] = (4, 16384), ["f1-micro"] = (1, 614), ["n1-standard-1"] = (1, 3840),
        ["n2-standard-2"] = (2, 8192), ["n2-standard-4"] = (4, 16384), ["n2-standard-8"] = (8, 32768),
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    public static ImmutableArray<string> DiskTypes { get; } = ["pd-balanced", "pd-ssd", "pd-standard"];

    private static readonly ImmutableArray<(string Project, string Name, string Family, int SizeGb, string Created)> Images =
    [
        ("debian-cloud", "debian-12-bookworm-v20260910", "debian-12", 10, "2026-09-10T09:00:00.000-07:00"),
        ("ubuntu-os-cloud", "ubuntu-2204-jammy-v20240927", "", 10, "2024-09-27T09:00:00.000-07:00"),
        ("ubuntu-os-cloud", "ubuntu-2204-jammy-v20260915", "ubuntu-2204-lts", 10, "2026-09-15T09:00:00.000-07:00"),
        ("ubuntu-os-cloud", "ubuntu-2404-noble-amd64-v20260915", "ubuntu-2404-lts-amd64", 10, "2026-09-15T09:00:00.000-07:00"),
    ];

    public static string RegionOf(string zone) => zone[..zone.LastIndexOf('-')];

    public static string DiskType(string path, string scope) =>
        DiskTypes.Contains(path[(path.LastIndexOf('/') + 1)..]) && path.StartsWith(scope + "/", StringComparison.Ordinal)
            ? path : throw new GcpError(400, "invalid", $"Invalid value for field 'resource.type': '{path}'. The disk type doesn't exist in {scope}.");

    /// <summary>By <c>projects/p/global/images/name</c> or <c>.../family/f</c>; null when there is none.</summary>
    public static JsonObject? Image(string path, string ownProject)
    {
        var parts = path.Split('/');
        if (parts is not ["projects", var project, "global", "images", .. var rest])
            return null;
        _ = ownProject;
        foreach (var image in Images)
            if (image.Project == project && (rest is ["family", var family] ? image.Family == family && family.Length > 0 : rest is [var name] && image.Name == name))
                return ImageBody(image);
        return null;
    }

    public static IEnumerable<JsonObject> ImagesOf(string project) => Images.Where(i => i.Project == project).Select(ImageBody);

    private static JsonObject ImageBody((string Project, string Name, string Family, int SizeGb, string Created) image)
    {
        var body = new JsonObject
        {
            ["kind"] = "compute#image",
            ["id"] = (7_000_000_000_000 + Math.Abs(image.Name.Aggregate(17L, (h, c) => (h * 31 + c) % 1_000_000))).ToString(CultureInfo.InvariantCulture),
            ["creationTimestamp"] = image.Created,
            ["name"] = image.Name,
            ["selfLink"] = $"{GcpCloud.LinkBase}projects/{image.Project}/global/images/{image.Name}",
            ["path"] = $"projects/{image.Project}/global/images/{image.Name}",
            ["status"] = "READY",
            ["sourceType"] = "RAW",
            ["diskSizeGb"] = image.SizeGb.ToString(CultureInfo.InvariantCulture),
            ["archiveSizeBytes"] = "512000000",
            ["architecture"] = "X86_64",
        };
        if (image.Family.Length > 0)
            body["family"] = image.Family;
        else
            body["deprecated"] = new JsonObject { ["state"] = "DEPRECATED" };
        return body;
    }
}
