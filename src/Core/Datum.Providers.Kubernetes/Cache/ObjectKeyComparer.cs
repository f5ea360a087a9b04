namespace Datum.Providers.Kubernetes;

/// <summary>Orders keys by namespace (none first) and name, by ordinal.</summary>
public sealed class ObjectKeyComparer : IComparer<ObjectKey>
{
    public static ObjectKeyComparer Instance { get; } = new();

    public int Compare(ObjectKey x, ObjectKey y)
    {
        var byNamespace = string.CompareOrdinal(x.Namespace, y.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(x.Name, y.Name);
    }
}
