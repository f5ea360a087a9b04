namespace Company_Cloud;

/// <summary>Names and marks at the platform, from the identity alone (DC-34): never from the clock, chance or what people wrote.</summary>
internal static class Naming
{
    private static readonly NameRules s_rules = new() { MaxLength = Descriptor.MaxNameLength };

    public static string NameOf(Identity id) => ResourceNames.For(id, s_rules);

    /// <summary>The owner's labels are for people; none of them may look like a mark (L3).</summary>
    public static ImmutableDictionary<string, string> LabelsOf(Identity id, ResourceSpec desired)
    {
        var mark = Marks.ToPairs(Marks.For(id));
        return mark.SetItems(desired.Labels.Where(l => !mark.ContainsKey(l.Key) && !l.Key.StartsWith("datum-", StringComparison.Ordinal)));
    }

    public static Mark? MarkOf(CloudObject item) => item.Labels is { } labels ? Marks.Parse(labels) : null;
}
