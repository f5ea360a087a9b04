using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp;

/// <summary>What all verbs of a session share.</summary>
internal sealed record GcpContext(GcpApi Api, GcpSettings Settings, Connection Connection, TimeProvider Time)
{
    /// <summary>How soon to look again where nothing says it better.</summary>
    public static TimeSpan LookAgain => TimeSpan.FromSeconds(2);

    /// <summary>Names of Compute Engine: 63 lower-case letters, digits and dashes.</summary>
    public static NameRules Names { get; } = new() { MaxLength = 63 };

    /// <summary>Marks in labels, where there are any.</summary>
    public static PairMarks Labels { get; } = new(LabelRules.Gcp);

    /// <summary>Marks in descriptions: networks, subnetworks, firewalls have no labels, and addresses can't be made with them.</summary>
    public static TextMarks Descriptions { get; } = new(2048);

    /// <summary>An address within the project, as requests name it.</summary>
    public string Reference(string path) => path.StartsWith("projects/", StringComparison.Ordinal) ? path : $"projects/{Api.Project}/{path}";

    /// <summary>Labels of an object: the mark, and the owner's as the platform takes them.</summary>
    public static ImmutableSortedDictionary<string, string> LabelsOf(Identity id, ResourceSpec desired, string? part = null) =>
        LabelRules.Gcp.Fit(desired.Labels, LabelRules.Gcp.MaxCount - 8).Concat(Labels.Write(Marks.For(id, part))).ToImmutableSortedDictionary(StringComparer.Ordinal);

    public static string RequestId(Operation operation) => ResourceNames.TokenUuid(operation.Token).ToString("D");
}
