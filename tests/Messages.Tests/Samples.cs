using AlignProp.Messages.Configuration;

namespace AlignProp.Messages.Tests;

/// <summary>An instance of every message, with a different value in every field.</summary>
internal static class Samples
{
    public static object Make(Type type)
    {
        var counter = 0;
        return Make(type);

        object Make(Type t)
        {
            counter++;
            if (t == typeof(BlobHash)) { return BlobHash.Of([(byte)counter]); }
            if (t == typeof(BlobRef)) { return BlobRef.Of(new byte[counter]); }
            if (t == typeof(StepSet)) { return StepSet.Of(counter, counter + 3); }
            if (t == typeof(RunDescription))
            {
                return RunDescription.Of(new RunConfig(), (FileFingerprint)Make(typeof(FileFingerprint)));
            }
            // A closed union: one of its cases.
            if (t.IsAbstract && t.GetNestedTypes() is { Length: > 0 } cases) { return Make(cases[counter % cases.Length]); }
            if (t.IsEnum) { return Enum.GetValues(t).GetValue(counter % Enum.GetValues(t).Length)!; }
            if (t == typeof(string)) { return $"text-{counter}"; }
            if (t == typeof(int)) { return counter; }
            if (t == typeof(long)) { return (long)counter * 1_000_000_007; }
            if (t == typeof(ulong)) { return ulong.MaxValue - (ulong)counter; }
            if (t == typeof(double)) { return counter + 0.125; }
            if (t == typeof(float)) { return counter + 0.5f; }
            if (t == typeof(bool)) { return true; }
            if (t == typeof(ReadOnlyMemory<byte>)) { return new ReadOnlyMemory<byte>([1, 2, (byte)counter]); }
            if (t.IsGenericType && t.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            {
                var element = t.GetGenericArguments()[0];
                var array = Array.CreateInstance(element, 2);
                array.SetValue(Make(element), 0);
                array.SetValue(Make(element), 1);
                return array;
            }
            var constructor = t.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
            var sample = constructor.Invoke(constructor.GetParameters().Select(p => Make(p.ParameterType)).ToArray());
            // What a record has besides its constructor.
            var positional = constructor.GetParameters().Select(p => p.Name).ToHashSet();
            foreach (var property in t.GetProperties().Where(p => p.CanWrite && !positional.Contains(p.Name)))
            {
                property.SetValue(sample, Make(property.PropertyType));
            }
            return sample;
        }
    }
}
